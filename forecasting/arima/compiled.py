"""How the kernels of the ARIMA engine are compiled: once, kept on disk, without Python inside.

Sums may be reordered and multiplications fused, but NaN and infinity keep their meaning: kernels
test for them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

__all__ = ["Floats", "Integers", "kernel"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_Function = TypeVar("_Function", bound=Callable[..., object])


def kernel(function: _Function) -> _Function:
    """`function`, compiled for the types it is first called with and kept on disk."""
    compile_it = numba.njit(
        cache=True, error_model="numpy", fastmath={"contract", "reassoc", "nsz", "arcp"}
    )
    return cast(_Function, compile_it(function))
