"""Which version of an engine this is, told by what it forecasts of a few fixed histories.

Code that changes need not forecast otherwise, and a library that is upgraded may. So nobody counts
versions: where the code or a library has another hash than the version that serves, the engine
forecasts `sample_series` anew, and is another version where a point differs by more than a
thousandth, or a bound by more than a hundredth of its month's highest. What only large fleets know
makes no version.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from forecasting.forecaster import LEVELS, SEASON, Forecaster, Vector
from forecasting.guard import answers
from forecasting.predict_file import informed
from forecasting.sample_series import sample_series

__all__ = ["Version", "code_now", "version_now"]

_LIBRARIES = ("numpy", "scipy", "numba", "pandas", "statsmodels", "statsforecast", "pmdarima")
_TOLERANCE, _TOLERANCE_OF_BOUNDS = 1e-3, 1e-2
_DIGITS = 6


@dataclass(frozen=True)
class Version:
    """A version's name, the hash of the code that was last seen to be it, its points and bounds.

    Versions that were kept before bounds were have none, and go by their points.
    """

    name: str
    code: str
    points: tuple[float, ...]
    bounds: tuple[float, ...] = ()

    def same_points(self, other: Version) -> bool:
        """Whether both forecast the same, whatever their bounds."""
        return len(self.points) == len(other.points) and np.allclose(
            self.points, other.points, _TOLERANCE, _TOLERANCE
        )

    def same(self, other: Version) -> bool:
        """Whether both forecast the same with the same bounds."""
        either = not (self.bounds and other.bounds)
        return self.same_points(other) and (either or _close(self.bounds, other.bounds))

    def to_json(self) -> dict[str, Any]:
        """The version as JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Version:
        """The version that `to_json` gave."""
        points, bounds = tuple(value["points"]), tuple(value.get("bounds", ()))
        return cls(value["name"], value["code"], points, bounds)


def version_now(engine: Forecaster, *known: Version) -> Version:
    """The version that `engine` is by today's code: the `known` one that it forecasts as, or new.

    Costs nothing where the code is a known one's.
    """
    code = code_now()
    for one in known:
        if one.code == code:
            return one
    points, bounds = _told(engine)
    name = hashlib.sha256(repr((points, bounds)).encode()).hexdigest()[:8]
    now = Version(name, code, points, bounds)
    same = [one for one in known if now.same(one)]
    return replace(same[0], code=code, bounds=bounds) if same else now


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


def _told(engine: Forecaster) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """A year ahead of each sample, to six digits, and its bounds."""
    fleet = sample_series()
    given = [one.forecast for one in answers(informed(engine, fleet), fleet, SEASON)]
    bounds = [np.concatenate([one.lower, one.upper]) for one in given]
    return _rounded([one.units for one in given]), _rounded(bounds)


def _rounded(numbers: Sequence[Vector]) -> tuple[float, ...]:
    return tuple(float(f"{one:.{_DIGITS}g}") for part in numbers for one in part.ravel())


def _close(some: Sequence[float], other: Sequence[float]) -> bool:
    """Whether no bound of a month moves by more than a hundredth of the month's highest."""
    if len(some) != len(other):
        return False
    ours, theirs = (np.array(told).reshape(-1, 2 * len(LEVELS), SEASON) for told in (some, other))
    highest = np.maximum(ours.max(axis=1, keepdims=True), 1.0)
    return bool((np.abs(ours - theirs) <= _TOLERANCE_OF_BOUNDS * highest).all())
