"""An engine as it is configured: its name, the options that settings gave it, its version.

It is what the gate judges, and what a run's plan keeps, so that a run is made by what was let
through, whatever the environment says by then.

>>> Configured("arima", {"fits": 3}).text
'arima (fits 3)'
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from etl.settings import Settings
from forecasting.engines import open_engine, options_of
from forecasting.forecaster import Forecaster
from forecasting.versions import Version, version_now

__all__ = ["Configured", "configured"]


@dataclass(frozen=True)
class Configured:
    """An engine with its options; equal where both are, whatever the `version`.

    `version` is None where nobody looked yet.
    """

    engine: str
    options: Mapping[str, Any] = field(default_factory=dict)
    version: Version | None = field(default=None, compare=False, repr=False)

    def open(self) -> Forecaster:
        """The engine."""
        return open_engine(self.engine, **self.options)

    def by_todays_code(self, other: Configured | None = None) -> Configured:
        """The same in the version of today's code: its own, that of `other`, or a new one."""
        known = [one.version for one in (self, other) if one == self and one and one.version]
        return replace(self, version=version_now(self.open(), *known))

    def is_version_of(self, other: Configured | None) -> bool:
        """Whether both are the same engine with the same options, in versions that differ."""
        if other is None or self != other or not (self.version and other.version):
            return False
        return self.version.name != other.version.name

    def differs_in_bounds_alone(self, other: Configured) -> bool:
        """Whether both are known to forecast the same points."""
        return bool(self.version and other.version and self.version.same_points(other.version))

    @property
    def text(self) -> str:
        """Engine and options as a person reads them."""
        options = ", ".join(f"{name} {value}" for name, value in sorted(self.options.items()))
        return f"{self.engine} ({options})" if options else self.engine

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON."""
        version = self.version.to_json() if self.version else None
        return {"engine": self.engine, "options": dict(self.options), "version": version}

    @classmethod
    def from_json(cls, value: Mapping[str, Any] | str) -> Configured:
        """What `to_json` gave; a name alone, as was kept once, is an engine without options."""
        if isinstance(value, str):
            return cls(value)
        version = value.get("version")
        return cls(
            value["engine"], value["options"], Version.from_json(version) if version else None
        )


def configured(settings: Settings) -> Configured:
    """The engine that the settings want, of no version yet."""
    return Configured(settings.engine, options_of(settings))
