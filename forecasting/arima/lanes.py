"""Eight numbers at a time: the arithmetic that lets one pass evaluate eight parameter vectors.

A *row* is a tuple of `LANES` floats. Inside compiled code each operation becomes one instruction
on a vector register; numba's own vectoriser does not find them, because it cannot know that two
arrays do not overlap. These run in compiled code only.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

__all__ = ["LANES", "Row", "fill", "minus", "over", "plus", "put", "root", "row", "times"]

LANES = 8
"""Parameter vectors that one pass over a series evaluates side by side."""

Row = tuple[float, ...]
"""A number for each lane."""

_VECTOR = ir.VectorType(ir.DoubleType(), LANES)
_ROW = types.UniTuple(types.float64, LANES)


def _unpack(builder: Any, value: Any) -> Any:
    """A tuple as a vector register."""
    vector = ir.Constant(_VECTOR, ir.Undefined)
    for lane in range(LANES):
        index = ir.Constant(ir.IntType(32), lane)
        vector = builder.insert_element(vector, builder.extract_value(value, lane), index)
    return vector


def _pack(builder: Any, vector: Any) -> Any:
    """A vector register as a tuple."""
    value = ir.Constant(ir.ArrayType(ir.DoubleType(), LANES), ir.Undefined)
    for lane in range(LANES):
        index = ir.Constant(ir.IntType(32), lane)
        value = builder.insert_value(value, builder.extract_element(vector, index), lane)
    return value


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
        return _pack(builder, builder.load(place, align=8))

    return _ROW(array, types.intp), generate


@intrinsic
def put(typing_context: Any, array: Any, index: Any, value: Any) -> Any:
    """Write `value` to row `index` of a contiguous array (rows, LANES)."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = _place(context, builder, signature.args[0], *arguments[:2])
        builder.store(_unpack(builder, arguments[2]), place, align=8)
        return context.get_dummy_value()

    return types.void(array, types.intp, _ROW), generate


@intrinsic
def fill(typing_context: Any, number: Any) -> Any:
    """A row with `number` in every lane."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        value = ir.Constant(ir.ArrayType(ir.DoubleType(), LANES), ir.Undefined)
        for lane in range(LANES):
            value = builder.insert_value(value, arguments[0], lane)
        return value

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
        x, y, z = (_unpack(builder, argument) for argument in arguments)
        return _pack(builder, _fused(builder, y, z, x))

    return _ROW(_ROW, _ROW, _ROW), generate


@intrinsic
def minus(typing_context: Any, a: Any, b: Any, c: Any) -> Any:
    """a − b·c, rounded once."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        x, y, z = (_unpack(builder, argument) for argument in arguments)
        return _pack(builder, _fused(builder, builder.fneg(y), z, x))

    return _ROW(_ROW, _ROW, _ROW), generate


@intrinsic
def times(typing_context: Any, a: Any, b: Any) -> Any:
    """a·b."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        x, y = (_unpack(builder, argument) for argument in arguments)
        return _pack(builder, builder.fmul(x, y))

    return _ROW(_ROW, _ROW), generate


@intrinsic
def over(typing_context: Any, a: Any, b: Any) -> Any:
    """a / b."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        x, y = (_unpack(builder, argument) for argument in arguments)
        return _pack(builder, builder.fdiv(x, y))

    return _ROW(_ROW, _ROW), generate


@intrinsic
def root(typing_context: Any, a: Any) -> Any:
    """√a."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        function = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(_VECTOR, [_VECTOR]), f"llvm.sqrt.v{LANES}f64"
        )
        return _pack(builder, builder.call(function, [_unpack(builder, arguments[0])]))

    return _ROW(_ROW), generate
