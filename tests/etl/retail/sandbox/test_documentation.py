"""`docs/sandbox.md` names every endpoint, flag, column and file."""

import argparse
from pathlib import Path

import pandas as pd
import pytest

from etl.retail.sandbox import (
    add_commands,
    read_history,
    sandbox_app,
    storecast_columns,
    uci_columns,
)
from etl.sample import make_sample
from etl.tables import ORDER_LINES, STORES

PAGE = (Path(__file__).parents[4] / "docs" / "sandbox.md").read_text()


def test_every_endpoint_is_documented(folders: dict[str, Path]) -> None:
    app = sandbox_app(read_history(folders[".parquet"]))
    paths = [route.path for route in app.routes]
    assert len(paths) == 6
    assert [path for path in paths if f"`GET {path}" not in PAGE] == []


def test_every_flag_is_documented() -> None:
    parser = argparse.ArgumentParser()
    add_commands(parser.add_subparsers())
    (subparsers,) = (a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    flags = subparsers.choices["sandbox"]._option_string_actions
    undocumented = [f for f in flags if f.startswith("--") and f != "--help" and f not in PAGE]
    assert undocumented == []


@pytest.mark.parametrize(
    "column", [*uci_columns.NEEDED, *storecast_columns.NEEDED, *storecast_columns.OPTIONAL]
)
def test_every_column_of_orders_is_documented(column: str) -> None:
    assert column in PAGE


def test_every_file_and_column_of_the_sample_is_documented(tmp_path: Path) -> None:
    elsewhere = {*ORDER_LINES.names, *STORES.names}
    for name, path in make_sample(tmp_path, scale=0.05, months=18).items():
        assert f"| `{name}` |" in PAGE
        columns = set(pd.read_parquet(path).columns)
        if name in ("order_lines", "stores"):
            columns -= elsewhere
        row = next(line for line in PAGE.splitlines() if line.startswith(f"| `{name}` |"))
        assert [column for column in sorted(columns) if column not in row] == []
