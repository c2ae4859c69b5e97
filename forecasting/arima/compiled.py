"""How the kernels of the ARIMA engine are compiled: once, kept on disk, without Python inside.

Sums may be reordered and multiplications fused, but NaN and infinity keep their meaning: kernels
test for them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

__all__ = ["Floats", "Integers", "drop_stale", "kernel"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_Function = TypeVar("_Function", bound=Callable[..., object])


def kernel(function: _Function) -> _Function:
    """`function`, compiled for the types it is first called with and kept on disk."""
    compile_it = numba.njit(
        cache=True, error_model="numpy", fastmath={"contract", "reassoc", "nsz", "arcp"}
    )
    return cast(_Function, compile_it(function))


def drop_stale(folder: Path, sources: Path) -> bool:
    """Remove the compiled kernels in `folder` unless they are of these `sources`; True if it did.

    numba renews a kernel when its own file changes, not when a kernel that it calls from another
    file does. A note beside the compiled kernels tells which sources they are of.
    """
    text = [path.read_bytes() for path in sorted(sources.glob("*.py"))]
    kernels = [source for source in text if b"@kernel" in source or b"@intrinsic" in source]
    digest = hashlib.sha256(b"".join(kernels)).hexdigest()
    note = folder / f"{sources.name}-kernels.sha256"
    if note.exists() and note.read_text() == digest:
        return False
    folder.mkdir(parents=True, exist_ok=True)
    for pattern in ("*.nbi", "*.nbc"):
        for path in folder.glob(pattern):
            path.unlink(missing_ok=True)
    note.write_text(digest)
    return True
