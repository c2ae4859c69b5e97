"""Compiled kernels are kept as long as every source that they are made of is the same."""

from __future__ import annotations

from forecasting.arima.compiled import drop_stale


def test_kernels_are_dropped_when_any_of_their_sources_changes(tmp_path):
    sources, folder = tmp_path / "arima", tmp_path / "cache"
    sources.mkdir()
    (sources / "inner.py").write_text("@kernel\ndef inner(): ...")
    (sources / "plain.py").write_text("x = 1")
    assert drop_stale(folder, sources)
    compiled = folder / "outer.nbi"
    compiled.touch()
    (sources / "plain.py").write_text("x = 2")
    assert not drop_stale(folder, sources)
    assert compiled.exists()
    (sources / "inner.py").write_text("@kernel\ndef inner(): return 1")
    assert drop_stale(folder, sources)
    assert not compiled.exists()
