"""What DuckDB says when it cannot, in the words of the house."""

import pytest

from etl.duck import open_duck
from etl.errors import LakeError, SettingError
from etl.settings import Settings

READ = "SELECT * FROM read_parquet($file)"


def test_a_damaged_file_is_named_with_what_makes_it_anew(tmp_path):
    file = tmp_path / "lines-1.parquet"
    file.write_bytes(b"no parquet")
    words = r"cannot read the lake: .*lines-1\.parquet.*; a damaged file is made anew by pulling"
    with open_duck(Settings()) as duck:
        with pytest.raises(LakeError, match=words):
            duck.run(READ, file=str(file))
        with pytest.raises(LakeError, match=words):
            list(duck.batches(READ, file=str(file)))


def test_a_query_beyond_its_memory_names_the_setting():
    sorting = "SELECT list(i) FROM range(5000000) t(i)"
    with (
        open_duck(Settings(duckdb_memory="16MB")) as duck,
        pytest.raises(LakeError, match="raise STORECAST_DUCKDB_MEMORY"),
    ):
        duck.run(sorting)


def test_an_amount_of_memory_that_is_none_is_named():
    words = "STORECAST_DUCKDB_MEMORY must be an amount such as 192MB; found 'lots'"
    with pytest.raises(SettingError, match=words), open_duck(Settings(duckdb_memory="lots")):
        pass
