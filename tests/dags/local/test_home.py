from __future__ import annotations

import pytest

from dags.local.home import home_of, only_run
from etl.errors import InputError


def test_the_sample_lives_where_the_defaults_look(tmp_path):
    home = home_of("", tmp_path)
    assert home.lake == tmp_path / "lake"
    assert home.store_url == f"sqlite:///{tmp_path}/store.sqlite"


def test_other_orders_get_a_folder_named_after_file_and_content(tmp_path):
    orders = tmp_path / "orders.csv"
    orders.write_text("a")
    first = home_of(str(orders), tmp_path / "data")
    assert first == home_of(str(orders), tmp_path / "data")
    orders.write_text("b")
    assert home_of(str(orders), tmp_path / "data").folder != first.folder


def test_orders_that_are_not_there_are_named(tmp_path):
    with pytest.raises(InputError, match=r"there are no orders at .*gone\.csv"):
        home_of(str(tmp_path / "gone.csv"), tmp_path)


def test_two_runs_at_once_are_refused(tmp_path):
    home = home_of("", tmp_path)
    again = pytest.raises(InputError, match="another run works in")
    with only_run(home), again, only_run(home):
        pass
    with only_run(home):
        pass
