"""`python -m etl sample`."""

from __future__ import annotations

import argparse

from etl.sample.make import make_sample
from etl.settings import Settings

__all__ = ["add_commands"]


def add_commands(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `sample` to the commands of `python -m etl`."""
    command = subparsers.add_parser("sample", help="make the sample orders, from a seed")
    command.add_argument("--out", default="data/sample", help="folder to write to")
    command.add_argument("--seed", type=int, default=7)
    command.add_argument("--scale", type=float, default=1.0, help="share of 75 listings a store")
    command.add_argument("--months", type=int, default=48, help="whole months of history")
    command.set_defaults(run=_run)


def _run(arguments: argparse.Namespace, _: Settings) -> None:
    paths = make_sample(arguments.out, arguments.seed, arguments.scale, arguments.months)
    for path in paths.values():
        print(path)
