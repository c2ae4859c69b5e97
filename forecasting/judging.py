"""What the gate's test is run on: two engines, or two versions of one, over the same months.

Two engines are there side by side, and forecast the same series from the same rolling origins. Of
two versions only the new one is there; the old one has published what it forecasts, and the new one
forecasts the same cutoffs from the same shards.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pandas as pd
import pyarrow as pa

from etl.lake import Lake
from etl.settings import Settings
from etl.tables import SERIES_KEY
from forecasting.backtest import scores_of
from forecasting.canary import chosen
from forecasting.configured import Configured
from forecasting.fleet import Work, forecast_fleet
from forecasting.forecaster import Series, add_months
from forecasting.gate import Comparison, compare
from forecasting.origins import rolling_scores
from forecasting.predict_file import informed
from forecasting.predictions import forecast_rows
from forecasting.run_files import run_manifest, runs_of
from forecasting.series import every_series, read_shard, series_of, shard_manifest
from forecasting.shown import shown_of
from forecasting.summary import BOUNDS, retired

__all__ = ["compare_engines", "compare_with_published"]

_KEY = [*SERIES_KEY, "cutoff_month", "month"]
_TOLD = ["units_forecast", *BOUNDS]
_SCORED = [*_KEY, *_TOLD, "units_sold", "mase_scale", "category", "demand_class"]


_APART = 3
"""Months between origins: neighbouring ones say much the same, and each costs as much."""
_FEWEST_JUDGED, _SHARE_JUDGED = 500, 0.05
"""Series that are judged whatever it costs, and the share of a large fleet that is."""


def compare_engines(
    lake: Lake, cutoff: date, serving: Configured, candidate: Configured, settings: Settings
) -> Comparison:
    """Both over the last `gate_origins` months of the same `gate_series` series at most."""
    sample = list(_sample(lake, cutoff, settings.gate_series))
    months = settings.gate_origins
    scores = [
        pd.concat(
            table.to_pandas()
            for table in rolling_scores(sample, one.open(), months, months, settings.jobs, _APART)
        )
        for one in (serving, candidate)
    ]
    return compare(scores[0], scores[1])


def compare_with_published(
    lake: Lake, cutoff: date, serving: Configured, candidate: Configured, settings: Settings
) -> Comparison | None:
    """What `serving` published within `gate_origins` months beside what `candidate` makes of it.

    From the shards of every third of those cutoffs, of `gate_series` series each at most, for every
    month that was scored since. None where that version has published nothing that was scored.
    """
    published, forecast = [], []
    backs = range(settings.gate_origins, 0, -1)
    runs = {back: _made_by(lake, serving, add_months(cutoff, -back)) for back in backs}
    for back in [back for back in backs if runs[back]][::_APART]:
        earlier = add_months(cutoff, -back)
        forecast.append(_forecast(lake, candidate, earlier, settings))
        for ahead in range(1, back + 1):
            month = add_months(earlier, ahead)
            published.append(_scores(lake, str(runs[back]), month, forecast[-1]))
    published = [scores for scores in published if len(scores)]
    return compare(pd.concat(published), pd.concat(forecast)) if published else None


def _made_by(lake: Lake, serving: Configured, cutoff: date) -> str | None:
    """The newest shown run of the cutoff that this version made alone, where shards are kept."""
    if not lake.exists(f"shards/cutoff_month={cutoff:%Y-%m}/manifest.json"):
        return None
    made_by = (serving.open().name, serving.version and serving.version.name)
    told = {run_id: run_manifest(lake, run_id) for run_id in runs_of(lake, cutoff)}
    made = [r for r, one in told.items() if (one["engine"], one.get("version")) == made_by]
    shown = shown_of(lake, made)
    return shown[-1] if shown else None


def _scores(lake: Lake, run_id: str, month: date, sample: pd.DataFrame) -> pd.DataFrame:
    """Scores of the run in that month, of the series in `sample`, without retired products."""
    wanted = pd.MultiIndex.from_frame(sample[list(SERIES_KEY)].drop_duplicates())
    parts = [pd.DataFrame(columns=_SCORED)]
    for rows in scores_of(lake, month, run_id, ["reason", *_SCORED]):
        known = pd.MultiIndex.from_frame(rows[list(SERIES_KEY)]).isin(wanted)
        parts.append(rows.loc[known & ~retired(rows).to_numpy(bool), _SCORED])
    return pd.concat([part for part in parts if len(part)] or parts)


def _forecast(lake: Lake, candidate: Configured, cutoff: date, settings: Settings) -> pd.DataFrame:
    """What the candidate forecasts from a cutoff, with all that was known of the fleet then."""
    engine = informed(candidate.open(), every_series(lake, cutoff))
    works = map(Work, _sample(lake, cutoff, settings.gate_series))
    done = list(forecast_fleet(works, engine, settings.horizon, settings.jobs))
    return forecast_rows(done).to_pandas()[[*_KEY, *_TOLD]]


def _sample(lake: Lake, cutoff: date, most: int) -> Iterator[Series]:
    """Series that are alive, chosen by a hash: a twentieth of a large fleet, about `most` at most.

    The others are not looked at.
    """
    manifest = shard_manifest(lake, cutoff)
    wanted = min(most, max(_FEWEST_JUDGED, _SHARE_JUDGED * manifest["series"]))
    share = wanted / max(manifest["series"], 1)
    for entry in manifest["shards"]:
        shard = read_shard(lake, cutoff, entry["shard"])
        keys = zip(*(shard[name].to_pylist() for name in SERIES_KEY), strict=True)
        picked = pa.array([chosen(("gate", *key), share) for key in keys], pa.bool_())
        for series in series_of(shard.filter(picked)):
            if series.active and series.months > 1:
                yield series
