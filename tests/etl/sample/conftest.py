"""One sample at full size, written once for all tests here."""

from collections.abc import Mapping

import pandas as pd
import pytest

from etl.sample import make_sample


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, pd.DataFrame]:
    """The default sample by table."""
    paths = make_sample(tmp_path_factory.mktemp("sample"))
    return {name: pd.read_parquet(path) for name, path in paths.items()}


@pytest.fixture(scope="session")
def monthly(sample: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Net units by listing (rows) and month (columns), without the last, unfinished month."""
    lines = sample["order_lines"]
    units = lines["units_ordered"] - lines["units_cancelled"]
    months = pd.to_datetime(lines["date"]).dt.to_period("M")
    table = units.groupby([lines["listing_id"], months]).sum().unstack(fill_value=0)
    return table.drop(columns=pd.Period("2026-11", "M"))
