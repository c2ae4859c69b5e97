"""Eight numbers at a time: the arithmetic that lets one pass evaluate eight parameter vectors.

A *row* is `LANES` floats in a vector register. Each operation on rows is one instruction; numba's
own vectoriser does not find them, because it cannot know that two arrays do not overlap. These run
in compiled code only.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model

__all__ = ["LANES", "Row", "fill", "minus", "over", "plus", "put", "root", "row", "times"]

LANES = 8
"""Parameter vectors that one pass over a series evaluates side by side."""

Row = Any
"""A number for each lane, in a register; known to compiled code only."""

_VECTOR = ir.VectorType(ir.DoubleType(), LANES)


class _RowType(types.Type):  # type: ignore[misc]
    """The type of a row in compiled code."""

    def __init__(self) -> None:
        super().__init__(name=f"Row({LANES})")


@register_model(_RowType)
class _RowModel(models.PrimitiveModel):  # type: ignore[misc]
    """A row is a vector register, wherever it is kept."""

    def __init__(self, manager: Any, row_type: Any) -> None:
        super().__init__(manager, row_type, _VECTOR)


_ROW = _RowType()


def _place(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
    """Where row `index` of a contiguous (rows, LANES) array begins, as a vector's address."""
    view = context.make_array(array_type)(context, builder, array)
    offset = builder.mul(index, ir.Constant(index.type, LANES))
    return builder.bitcast(builder.gep(view.data, [offset]), _VECTOR.as_pointer())


@intrinsic
def row(typing_context: Any, array: Any, index: Any) -> Any:
    """Row `index` of a contiguous array (rows, LANES)."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = _place(context, builder, signature.args[0], *arguments)
        return builder.load(place, align=8)

    return _ROW(array, types.intp), generate


@intrinsic
def put(typing_context: Any, array: Any, index: Any, value: Any) -> Any:
    """Write `value` to row `index` of a contiguous array (rows, LANES)."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = _place(context, builder, signature.args[0], *arguments[:2])
        builder.store(arguments[2], place, align=8)
        return context.get_dummy_value()

    return types.void(array, types.intp, _ROW), generate


@intrinsic
def fill(typing_context: Any, number: Any) -> Any:
    """A row with `number` in every lane."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        lane = ir.IntType(32)
        value = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), arguments[0], lane(0))
        everywhere = ir.Constant(ir.VectorType(lane, LANES), [0] * LANES)
        return builder.shuffle_vector(value, ir.Constant(_VECTOR, ir.Undefined), everywhere)

    return _ROW(types.float64), generate


def _fused(builder: Any, a: Any, b: Any, c: Any) -> Any:
    function = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(_VECTOR, [_VECTOR] * 3), f"llvm.fma.v{LANES}f64"
    )
    return builder.call(function, [a, b, c])


@intrinsic
def plus(typing_context: Any, a: Any, b: Any, c: Any) -> Any:
    """a + b·c, rounded once."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        x, y, z = arguments
        return _fused(builder, y, z, x)

    return _ROW(_ROW, _ROW, _ROW), generate


@intrinsic
def minus(typing_context: Any, a: Any, b: Any, c: Any) -> Any:
    """a − b·c, rounded once."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        x, y, z = arguments
        return _fused(builder, builder.fneg(y), z, x)

    return _ROW(_ROW, _ROW, _ROW), generate


@intrinsic
def times(typing_context: Any, a: Any, b: Any) -> Any:
    """a·b."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fmul(*arguments)

    return _ROW(_ROW, _ROW), generate


@intrinsic
def over(typing_context: Any, a: Any, b: Any) -> Any:
    """a / b."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fdiv(*arguments)

    return _ROW(_ROW, _ROW), generate


@intrinsic
def root(typing_context: Any, a: Any) -> Any:
    """√a."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        function = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(_VECTOR, [_VECTOR]), f"llvm.sqrt.v{LANES}f64"
        )
        return builder.call(function, arguments)

    return _ROW(_ROW), generate
