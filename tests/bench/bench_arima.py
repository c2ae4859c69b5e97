"""The engine `arima` beside statsforecast's AutoARIMA and pmdarima's auto_arima.

`python tests/bench/bench_arima.py` measures on every tenth series; with `--scale` on the whole of
M1 monthly, Tourism monthly and Online Retail II, and the section `arima` of docs/benchmarks.md is
written. What the peers answered is kept in `.bench/` (see `arima_peers.py`): the first full run
takes hours. Seconds are CPU seconds of one process.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

for _threads in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")

import numpy as np  # noqa: E402
from arima_peers import ANSWER, answers  # noqa: E402
from arima_sets import SEED, Held, sample, series_set  # noqa: E402
from statsmodels.tsa.statespace.sarimax import SARIMAX  # noqa: E402

from forecasting.arima import ArimaFit, ArimaModel, fit, log_likelihood, warm  # noqa: E402
from forecasting.arima.differencing import difference, ordinary_differences, seasonal_share  # noqa: E402
from forecasting.arima.fitting import KEEP, limits  # noqa: E402
from forecasting.arima.reference import sarimax_parameters  # noqa: E402
from forecasting.arima.search import search  # noqa: E402
from forecasting.forecaster import LEVELS, Forecast  # noqa: E402

PAGE = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"
SETS = {"m1": "M1 monthly", "tourism": "Tourism monthly", "retail": "Online Retail II"}
SAMPLES = {"m1": 120, "tourism": 10}
TIMED = {
    ("statsforecast", "m1"): 12,
    ("statsforecast", "tourism"): 2,
    ("statsforecast", "retail"): 12,
    ("pmdarima", "m1"): 3,
}
AICC_ALLOWANCE = 0.5


@dataclass(frozen=True, eq=False)
class Measured:
    """Our models and forecasts of some series of a set, and what they took."""

    series: list[Held]
    models: list[ArimaModel]
    forecasts: list[Forecast]
    cold_seconds: float
    warm_seconds: float
    warm_forecasts: list[Forecast]


def main() -> None:
    """Measure every set, print the tables, and write them at full scale."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", action="store_true", help="every series, not every tenth")
    parser.add_argument("--kept", action="store_true", help="only answers of peers that are kept")
    options = parser.parse_args()
    compute = options.scale and not options.kept
    warnings.simplefilter("ignore")
    warm()
    stride = 1 if options.scale else 10
    sets = {name: list(range(0, len(series_set(name)), stride)) for name in SETS}
    sets = {name: positions for name, positions in sets.items() if positions}
    measured = {name: measure(name, positions) for name, positions in sets.items()}
    parts = [
        _machine(options.scale),
        "### Speed\n" + speed_table(measured),
        "### Accuracy\n" + accuracy_table(sets, measured, compute),
        "### Agreement\n" + agreement(compute),
        "### Where the time goes\n" + profile(sets, measured),
    ]
    text = "\n\n".join(parts)
    print(text)
    if options.scale:
        put_section(PAGE, text)


def _machine(scale: bool) -> str:
    extent = "Whole sets." if scale else "Every tenth series."
    return (
        f"One process on {platform.machine()}, load {os.getloadavg()[1]:.1f} on {os.cpu_count()} "
        f"cores; CPU seconds. Up to {KEEP} models in each of up to four views (units, logarithm; "
        f"with and without a seasonal difference) are averaged. {extent}"
    )


def measure(name: str, positions: list[int]) -> Measured:
    """Fit and forecast cold, then warm from the model of the month before."""
    series = [series_set(name)[i] for i in positions]
    started = time.process_time()
    models = [fit(one.seen) for one in series]
    forecasts = _forecasts(models, series)
    cold = time.process_time() - started
    month_before = [fit(one.seen[:-1]) for one in series]
    started = time.process_time()
    renewed = [fit(one.seen, model) for one, model in zip(series, month_before, strict=True)]
    warm_forecasts = _forecasts(renewed, series)
    return Measured(series, models, forecasts, cold, time.process_time() - started, warm_forecasts)


def _forecasts(models: list[ArimaModel], series: list[Held]) -> list[Forecast]:
    return [
        model.forecast(one.seen, len(one.held)) for model, one in zip(models, series, strict=True)
    ]


def speed_table(measured: dict[str, Measured]) -> str:
    """Series per second and core, and the peers' time over ours, timed side by side."""
    lines = [
        "| set | series | months, median | cold, series/s | warm, series/s "
        "| statsforecast takes | pmdarima takes |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, ours in measured.items():
        count = len(ours.series)
        row = [
            SETS[name],
            f"{count}",
            f"{np.median([len(one.seen) for one in ours.series]):.0f}",
            f"{count / ours.cold_seconds:.0f}",
            f"{count / ours.warm_seconds:.0f}",
            *(_times_ours(peer, name) for peer in ("statsforecast", "pmdarima")),
        ]
        lines.append("| " + " | ".join(row) + " |")
    return "\n".join(lines)


def _times_ours(peer: str, name: str) -> str:
    """The peer's CPU seconds over ours on a drawn sample, one series by both in turn."""
    count = TIMED.get((peer, name), 0)
    if not count:
        return "–"
    series = series_set(name)
    theirs = ours = 0.0
    for position in sample(series, count, SEED + 1):
        one = series[position]
        theirs += ANSWER[peer](one)["seconds"]
        started = time.process_time()
        fit(one.seen).forecast(one.seen, len(one.held))
        ours += time.process_time() - started
    return f"{theirs / ours:,.0f} × ({theirs / count:.2f} s; {count} series)"


def _peer(peer: str, name: str, positions: list[int], compute: bool) -> dict[int, dict]:
    """The peer's kept answers of these positions, after computing the missing ones if asked."""
    found = answers(peer, name, compute=compute)
    return {i: found[i] for i in positions if i in found}


def _sampled(name: str, compute: bool) -> dict[int, dict]:
    if name not in SAMPLES:
        return {}
    return answers("pmdarima", name, SAMPLES[name], compute=compute)


def accuracy_table(sets: dict[str, list[int]], measured: dict[str, Measured], compute: bool) -> str:
    """sMAPE and MASE beside the peer on the same series, the paired difference, and coverage."""
    lines = [
        "| set | peer | series | sMAPE ours | peer | MASE ours | peer | MASE ours − peer (s.e.) "
        "| our 50, 80, 95 % hold |",
        "|---|---|---:|---:|---:|---:|---:|---:|---|",
    ]
    for name, ours in measured.items():
        at = {position: i for i, position in enumerate(sets[name])}
        for peer, found in (
            ("statsforecast", _peer("statsforecast", name, sets[name], compute)),
            ("pmdarima", _sampled(name, compute)),
        ):
            both = [i for i in found if i in at]
            if both:
                series = [ours.series[at[i]] for i in both]
                mine = [ours.forecasts[at[i]] for i in both]
                theirs = [np.maximum(found[i]["mean"], 0) for i in both]
                lines.append(_accuracy_row(SETS[name], peer, series, mine, theirs))
        warm_scores = _scores(ours.series, [forecast.units for forecast in ours.warm_forecasts])
        lines.append(
            f"| {SETS[name]} | (ours, warm) | {len(ours.series)} | {warm_scores[0].mean():.3f} | "
            f"– | {np.nanmean(warm_scores[1]):.4f} | – | – | {_coverage(ours)} |"
        )
    return "\n".join(lines)


def _accuracy_row(
    label: str, peer: str, series: list[Held], mine: list[Forecast], theirs: list[np.ndarray]
) -> str:
    ours, other = _scores(series, [one.units for one in mine]), _scores(series, theirs)
    gap = ours[1] - other[1]
    error = np.nanstd(gap) / np.sqrt(np.isfinite(gap).sum())
    held = " / ".join(f"{100 * share:.0f}" for share in _held_shares(series, mine))
    return (
        f"| {label} | {peer} | {len(series)} | {ours[0].mean():.3f} | {other[0].mean():.3f} | "
        f"{np.nanmean(ours[1]):.4f} | {np.nanmean(other[1]):.4f} | "
        f"{np.nanmean(gap):+.4f} ({error:.4f}) | {held} |"
    )


def _scores(series: list[Held], points: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """sMAPE in percent (0 to 200) and MASE of each series; NaN where the scale is zero."""
    percent, scaled = [], []
    for one, point in zip(series, points, strict=True):
        error, size = np.abs(one.held - point), np.abs(one.held) + np.abs(point)
        percent.append(200 * np.mean(np.divide(error, size, where=size > 0, out=0 * error)))
        scale = np.abs(one.seen[12:] - one.seen[:-12]).mean()
        scaled.append(error.mean() / scale if scale > 0 else np.nan)
    return np.array(percent), np.array(scaled)


def _coverage(ours: Measured) -> str:
    shares = _held_shares(ours.series, ours.warm_forecasts)
    return " / ".join(f"{100 * share:.0f}" for share in shares)


def _held_shares(series: list[Held], forecasts: list[Forecast]) -> list[float]:
    return [
        float(
            np.mean(
                np.concatenate(
                    [
                        (one.lower[i] <= s.held) & (s.held <= one.upper[i])
                        for s, one in zip(series, forecasts, strict=True)
                    ]
                )
            )
        )
        for i in range(len(LEVELS))
    ]


def agreement(compute: bool) -> str:
    """Ours against SARIMAX at the same parameters, and against pmdarima's choice by AICc."""
    found = answers("pmdarima", "m1", SAMPLES["m1"], compute=compute)
    series = series_set("m1")
    gaps, likelihood, paths, widths, same = [], 0.0, 0.0, 0.0, 0
    for position, answer in found.items():
        y = series[position].seen
        model = fit(y)
        level = [one for one in model.fits if not one.log]
        theirs = _their_fit(answer)
        alike = [one for one in level if _differenced(one) == _differenced(theirs)]
        if alike:
            gaps.append(min(_aicc(y, one) for one in alike) - _aicc(y, theirs))
        worst = [_against_sarimax(y, one) for one in level]
        likelihood = max(likelihood, *(one[0] for one in worst))
        paths = max(paths, *(one[1] for one in worst))
        widths = max(widths, *(one[2] for one in worst))
        same += len(worst)
    if not gaps:
        return "No answers of pmdarima are kept; run with `--scale`."
    share = np.mean(np.array(gaps) <= AICC_ALLOWANCE)
    return (
        f"pmdarima's sample of M1: d and D agree on {len(gaps)} of {len(found)} series. There, by "
        f"one exact likelihood, our best model of the units has an AICc at most {AICC_ALLOWANCE} "
        f"worse on {100 * share:.0f} % (mean {np.mean(gaps):+.2f}, worst {max(gaps):+.2f}). Over "
        f"the {same} models of the units that we averaged, the log-likelihood differs from "
        f"SARIMAX's by at most {likelihood:.0e} relative, forecasts by {paths:.0e}, interval "
        f"widths by {widths:.0e}."
    )


def _differenced(one: ArimaFit) -> tuple[int, int]:
    return one.order[1], one.seasonal_order[1]


def _their_fit(answer: dict) -> ArimaFit:
    """pmdarima's model as one of ours, its intercept turned into a mean."""
    (p, d, q), (seasonal_p, seasonal_d, seasonal_q) = answer["order"], answer["seasonal"]
    x = np.array(answer["params"][:-1])
    if answer["intercept"]:
        intercept, x = x[0], x[1:]
        short, seasonal = 1 - x[:p].sum(), 1 - x[p + q : p + q + seasonal_p].sum()
        x = np.append(x, intercept / (short * seasonal))
    orders = (p, d, q), (seasonal_p, seasonal_d, seasonal_q)
    return ArimaFit(*orders, answer["intercept"], False, tuple(x), answer["params"][-1], 1.0)


def _aicc(y: np.ndarray, one: ArimaFit) -> float:
    count = len(one.parameters) + 1
    months = len(y) - one.order[1] - 12 * one.seasonal_order[1]
    value = log_likelihood(y, one.order, one.seasonal_order, one.parameters, constant=one.constant)
    return -2 * value + 2 * count + 2 * count * (count + 1) / (months - count - 1)


def _against_sarimax(y: np.ndarray, one: ArimaFit) -> tuple[float, float, float]:
    """Relative differences of log-likelihood, forecasts and interval widths."""
    kinds = {"order": one.order, "seasonal_order": (*one.seasonal_order, 12)}
    trend, x = "c" if one.constant else "n", sarimax_parameters(one)
    plain = SARIMAX(y, **kinds, trend=trend, simple_differencing=True)
    theirs = plain.loglike(x, transformed=True)
    ours = log_likelihood(
        y, one.order, one.seasonal_order, one.parameters, one.sigma2, one.constant
    )
    diffuse = SARIMAX(y, **kinds, trend=trend, use_exact_diffuse=True)
    ahead = diffuse.smooth(x, cov_type="none").get_forecast(12)
    path, width = one.path(y, 12), np.sqrt(np.asarray(ahead.var_pred_mean))
    size = np.abs(y).mean()
    return (
        abs(ours - theirs) / abs(theirs),
        float(np.max(np.abs(path.mean - ahead.predicted_mean)) / size),
        float(np.max(np.abs(path.deviation / width - 1))),
    )


def profile(sets: dict[str, list[int]], measured: dict[str, Measured]) -> str:
    """Milliseconds by stage for one view, the units at the likelier D, and of the forecasts."""
    lines = [
        "| set | tests for d and D | search | exact estimates | forecasts | candidates a series |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, ours in measured.items():
        served = [
            (one, model)
            for one, model in zip(ours.series, ours.models, strict=True)
            if model.fits and model.fits[0].sigma2 > 0
        ]
        histories = [one.seen / one.seen.max() for one, _ in served]
        tests = _ms(lambda all=histories: [_problem(y) for y in all])
        problems = [_problem(y) for y in histories]
        walk = _ms(lambda p=problems: [search(*problem, 0) for problem in p])
        whole = _ms(lambda p=problems: [search(*problem, KEEP) for problem in p])
        ahead = _ms(lambda s=served: [model.forecast(one.seen, 12) for one, model in s])
        tried = np.mean([search(*problem, KEEP)[4] for problem in problems])
        count = len(served)
        lines.append(
            f"| {SETS[name]} | {tests / count:.2f} ms | {walk / count:.2f} ms | "
            f"{(whole - walk) / count:.2f} ms | {ahead / count:.2f} ms | {tried:.0f} |"
        )
    return "\n".join(lines)


def _problem(y: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    seasonal_d = int(seasonal_share(y, 12) > 0.5)
    w = difference(y, 12, seasonal_d)
    d = ordinary_differences(w)
    w = difference(w, 1, d)
    return w / w.std(), limits(len(y), d + seasonal_d), 12


def _ms(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return 1000 * (time.process_time() - started)


def put_section(page: Path, text: str) -> None:
    """Put the text in place of the section `arima` of the page, or at its end."""
    section = f"<!-- arima -->\n## The fast ARIMA beside its peers\n{text}\n<!-- /arima -->"
    before = page.read_text() if page.exists() else "# Benchmarks\n"
    kept = re.sub(r"\n*<!-- arima -->.*?<!-- /arima -->", "", before, flags=re.DOTALL)
    page.write_text(f"{kept.rstrip()}\n\n{section}\n")


if __name__ == "__main__":
    main()
