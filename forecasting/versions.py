"""Which version of an engine this is, told by what it forecasts of a few fixed histories.

Code that changes need not forecast otherwise, and a library that is upgraded may. So nobody counts
versions: where the code or a library has another hash than the version that serves, the engine
forecasts `sample_series` anew, and is another version where a point differs by more than a
thousandth. What is not seen there (bounds alone, or what only large fleets know) makes no version.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from forecasting.forecaster import SEASON, Forecaster
from forecasting.guard import answers
from forecasting.predict_file import informed
from forecasting.sample_series import sample_series

__all__ = ["Version", "code_now", "version_now"]

_LIBRARIES = ("numpy", "scipy", "numba", "pandas", "statsmodels", "statsforecast", "pmdarima")
_TOLERANCE = 1e-3
_DIGITS = 6


@dataclass(frozen=True)
class Version:
    """A version's name, the hash of the code that was last seen to be it, and its points."""

    name: str
    code: str
    points: tuple[float, ...]

    def to_json(self) -> dict[str, Any]:
        """The version as JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Version:
        """The version that `to_json` gave."""
        return cls(value["name"], value["code"], tuple(value["points"]))


def version_now(engine: Forecaster, *known: Version) -> Version:
    """The version that `engine` is by today's code: the `known` one that it forecasts as, or new.

    Costs nothing where the code is a known one's.
    """
    code = code_now()
    for one in known:
        if one.code == code:
            return one
    points = _points(engine)
    for one in known:
        if _agree(points, one.points):
            return replace(one, code=code)
    return Version(hashlib.sha256(repr(points).encode()).hexdigest()[:8], code, points)


@cache
def code_now() -> str:
    """Twelve hexadecimal digits of the code that forecasts, its findings, and the libraries."""
    here = Path(__file__).parent
    digest = hashlib.sha256(platform.python_version().encode())
    for library in _LIBRARIES:
        digest.update(f"{library} {_version_of(library)}\n".encode())
    for path in sorted([*here.rglob("*.py"), *here.glob("*.json")]):
        digest.update(path.relative_to(here).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _version_of(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "none"


def _points(engine: Forecaster) -> tuple[float, ...]:
    """A year ahead of each sample, to six digits."""
    fleet = sample_series()
    given = answers(informed(engine, fleet), fleet, SEASON)
    return tuple(float(f"{unit:.{_DIGITS}g}") for one in given for unit in one.forecast.units)


def _agree(points: tuple[float, ...], known: tuple[float, ...]) -> bool:
    return len(points) == len(known) and np.allclose(points, known, _TOLERANCE, _TOLERANCE)
