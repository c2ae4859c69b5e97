"""At set-up, no compiled kernel is left over from sources that have changed."""

from __future__ import annotations

from pathlib import Path

import forecasting
from forecasting import warm


def test_every_package_of_kernels_is_freed_from_stale_ones(monkeypatch):
    looked_after = []
    monkeypatch.setattr(warm, "drop_stale", lambda cache, sources: looked_after.append(sources))
    monkeypatch.setattr(warm, "_seconds", lambda name: 0.0)
    assert {"arima", "ensemble"} <= set(warm.warm())
    root = Path(forecasting.__file__).parent
    packages = {path.parent for path in root.glob("*/*.py") if "\n@kernel\n" in path.read_text()}
    assert packages <= set(looked_after)
