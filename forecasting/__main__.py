"""`python -m forecasting`: the jobs of forecasting by hand, as the DAG tasks call them."""

from __future__ import annotations

import argparse
import json
import logging
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from etl.dates import read_day, read_month
from etl.errors import InputError, StorecastError
from etl.lake import Lake
from etl.settings import Settings, settings_from

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 when done, 2 with the message where a person must act."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        settings = settings_from()
        options = _parser(settings).parse_args(arguments)
        options.run(options, settings)
    except StorecastError as error:
        print(f"python -m forecasting: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("python -m forecasting: stopped; nothing half-written is left", file=sys.stderr)
        return 130
    return 0


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _parser(settings: Settings) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m forecasting", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")

    predict = commands.add_parser("predict", help="forecast the histories of a file")
    predict.add_argument("--history", type=Path, required=True, help="parquet or CSV")
    predict.add_argument("--out", type=Path, required=True, help="parquet or CSV")
    predict.add_argument("--horizon", type=_count, default=12, help="months ahead")
    predict.add_argument("--cutoff", type=read_month, metavar="YYYY-MM")
    _add_engine(predict, settings)
    predict.set_defaults(run=_predict)

    _add_predict_daily(commands, settings)
    _add_backtest_daily(commands, settings)

    run = commands.add_parser("run", help="predict every shard of a cutoff and close the run")
    run.add_argument("--cutoff", type=read_month, required=True, metavar="YYYY-MM")
    _add_engine(run, settings)
    run.set_defaults(run=_run)

    shard = commands.add_parser("predict-shard", help="predict one shard of a run")
    shard.add_argument("--run", dest="run_id", required=True, metavar="YYYY-MM.R")
    shard.add_argument("--shard", type=int, required=True)
    _add_engine(shard, settings)
    shard.set_defaults(run=_predict_shard)

    close = commands.add_parser("close", help="check a run's shards and write its manifest")
    close.add_argument("--run", dest="run_id", required=True, metavar="YYYY-MM.R")
    close.add_argument("--engine", default=settings.engine)
    close.set_defaults(run=_close)

    backtest = commands.add_parser(
        "backtest", help="score forecasts against a file, or a history from rolling origins"
    )
    backtest.add_argument("--predictions", type=Path, help="what `predict` wrote")
    backtest.add_argument("--actuals", type=Path, help="a history with the months predicted")
    backtest.add_argument("--history", type=Path, help="a history to predict from rolling origins")
    backtest.add_argument("--origins", type=_count, default=12, help="origins, a month apart")
    backtest.add_argument("--horizon", type=_count, default=12, help="months ahead")
    backtest.add_argument(
        "--cutoff",
        type=read_month,
        metavar="YYYY-MM",
        help="last month of the history, or of the actuals; months missing before it are zeros",
    )
    backtest.add_argument("--out", type=Path, required=True, help="parquet or CSV")
    _add_engine(backtest, settings)
    backtest.set_defaults(run=_backtest)

    score = commands.add_parser("score", help="score a closed month against earlier runs")
    score.add_argument("--month", type=read_month, required=True, metavar="YYYY-MM")
    score.set_defaults(run=_score)

    _add_gate(commands, settings)

    report = commands.add_parser("report", help="write the analysts' report of a scored month")
    report.add_argument("--month", type=read_month, required=True, metavar="YYYY-MM")
    report.set_defaults(run=_report)

    warm = commands.add_parser("warm", help="compile the engines, once for a machine")
    warm.set_defaults(run=_warm)
    return parser


def _add_gate(commands: Any, settings: Settings) -> None:
    judge = commands.add_parser("judge", help="may engine and code begin to serve? before a run")
    judge.add_argument("--cutoff", type=read_month, required=True, metavar="YYYY-MM")
    _add_engine(judge, settings)
    judge.set_defaults(run=_judge)

    accept = commands.add_parser("accept", help="let the version serve that the gate refused")
    accept.set_defaults(run=_accept)

    review = commands.add_parser("review", help="does who is on trial go on? after a score")
    review.add_argument("--month", type=read_month, required=True, metavar="YYYY-MM")
    review.set_defaults(run=_review)


def _add_predict_daily(commands: Any, settings: Settings) -> None:
    days = commands.add_parser("predict-daily", help="forecast the daily histories of a file")
    days.add_argument("--history", type=Path, required=True, help="parquet or CSV")
    days.add_argument("--out", type=Path, required=True, help="parquet or CSV")
    days.add_argument("--horizon", type=_count, default=7, help="days ahead")
    days.add_argument("--cutoff", type=read_day, metavar="YYYY-MM-DD")
    _add_engine(days, settings)
    days.set_defaults(run=_predict_daily, engine=settings.daily_engine)


def _add_backtest_daily(commands: Any, settings: Settings) -> None:
    days = commands.add_parser(
        "backtest-daily", help="score the daily forecasts of a file or a store from rolling weeks"
    )
    days.add_argument("--history", type=Path, help="daily histories, parquet or CSV")
    days.add_argument("--merchant", help="of the lake, with --store")
    days.add_argument("--store")
    days.add_argument("--origins", type=_count, default=4, help="origins, a week apart")
    days.add_argument("--out", type=Path, required=True, help="parquet or CSV")
    _add_engine(days, settings)
    days.set_defaults(run=_backtest_daily, engine=settings.daily_engine)


def _add_engine(parser: argparse.ArgumentParser, settings: Settings) -> None:
    parser.add_argument("--engine", default=settings.engine)
    parser.add_argument(
        "--jobs", type=int, default=settings.jobs, help="processes; 0 takes every core"
    )


def _predict(options: argparse.Namespace, settings: Settings) -> None:
    from forecasting.engines import open_engine
    from forecasting.predict_file import predict_file

    told = predict_file(
        options.history,
        options.out,
        open_engine(options.engine),
        horizon=options.horizon,
        cutoff_month=options.cutoff,
        jobs=options.jobs,
    )
    _print(told)


def _predict_daily(options: argparse.Namespace, settings: Settings) -> None:
    from forecasting.daily.engines import open_daily_engine
    from forecasting.daily.predict_file import predict_daily_file

    told = predict_daily_file(
        options.history,
        options.out,
        open_daily_engine(options.engine),
        horizon=options.horizon,
        cutoff_date=options.cutoff,
        jobs=options.jobs,
    )
    _print(told)


def _backtest_daily(options: argparse.Namespace, settings: Settings) -> None:
    from etl.daily import read_manifest
    from forecasting.daily.backtest import roll_weeks
    from forecasting.daily.engines import open_daily_engine
    from forecasting.daily.history import open_daily_history
    from forecasting.daily.series import read_series

    rolled = {"origins": options.origins, "jobs": options.jobs}
    match options.history, options.merchant, options.store:
        case Path() as history, None, None:
            with open_daily_history(history, None) as series:
                _print(roll_weeks(series, options.out, open_daily_engine(options.engine), **rolled))
        case None, str() as merchant, str() as store:
            lake = Lake(settings.lake_url)
            manifest = read_manifest(lake, merchant, store)
            if manifest is None:
                raise InputError(
                    f"store {store} of {merchant} has no daily series; build them with "
                    f"python -m etl daily --merchant {merchant} --store {store}"
                )
            own = read_series(lake, manifest)
            _print(roll_weeks(own, options.out, open_daily_engine(options.engine), **rolled))
        case _:
            raise InputError("backtest-daily takes --history, or --merchant with --store")


def _run(options: argparse.Namespace, settings: Settings) -> None:
    from forecasting.predict import close_run, next_run_id, predict_shards
    from forecasting.series import shard_manifest

    lake = Lake(settings.lake_url)
    settings = replace(settings, engine=options.engine, jobs=options.jobs)
    run_id = next_run_id(lake, options.cutoff)
    shards = shard_manifest(lake, options.cutoff)["shards"]
    predict_shards(lake, run_id, [entry["shard"] for entry in shards], settings)
    manifest = close_run(lake, run_id, settings)
    _print({name: value for name, value in manifest.items() if name != "shards"})


def _predict_shard(options: argparse.Namespace, settings: Settings) -> None:
    from forecasting.predict import predict_shard

    settings = replace(settings, engine=options.engine, jobs=options.jobs)
    _print(predict_shard(Lake(settings.lake_url), options.run_id, options.shard, settings))


def _close(options: argparse.Namespace, settings: Settings) -> None:
    from forecasting.predict import close_run

    settings = replace(settings, engine=options.engine)
    manifest = close_run(Lake(settings.lake_url), options.run_id, settings)
    _print({name: value for name, value in manifest.items() if name != "shards"})


def _backtest(options: argparse.Namespace, settings: Settings) -> None:
    from forecasting.backtest_file import roll_origins, score_file
    from forecasting.engines import open_engine

    match options.predictions, options.actuals, options.history:
        case Path() as predictions, Path() as actuals, None:
            _print(score_file(predictions, actuals, options.out, options.cutoff))
        case None, None, Path() as history:
            told = roll_origins(
                history,
                options.out,
                open_engine(options.engine),
                origins=options.origins,
                horizon=options.horizon,
                cutoff_month=options.cutoff,
                jobs=options.jobs,
            )
            _print(told)
        case _:
            raise InputError("backtest takes --predictions with --actuals, or --history alone")


def _score(options: argparse.Namespace, settings: Settings) -> None:
    from forecasting.backtest import score_month

    _print(score_month(Lake(settings.lake_url), options.month))


def _judge(options: argparse.Namespace, settings: Settings) -> None:
    from forecasting.rollout import judge

    settings = replace(settings, engine=options.engine, jobs=options.jobs)
    _print(judge(Lake(settings.lake_url), options.cutoff, settings))


def _accept(options: argparse.Namespace, settings: Settings) -> None:
    from forecasting.rollout import accept

    _print(accept(Lake(settings.lake_url)))


def _review(options: argparse.Namespace, settings: Settings) -> None:
    from forecasting.rollout import review

    _print(review(Lake(settings.lake_url), options.month))


def _report(options: argparse.Namespace, settings: Settings) -> None:
    from forecasting.drift import write_alerts
    from forecasting.report import write_report

    lake = Lake(settings.lake_url)
    write_alerts(lake, options.month)
    _print({kind: lake.uri(path) for kind, path in write_report(lake, options.month).items()})


def _warm(options: argparse.Namespace, settings: Settings) -> None:
    from forecasting.warm import warm

    _print(warm())


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise InputError(f"a count is a whole number from 1 on; found {text!r}")
    return int(text)


def _print(result: Any) -> None:
    print(json.dumps(result, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    sys.exit(main())
