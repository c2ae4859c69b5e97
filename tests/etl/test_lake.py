"""What a lake promises, held by both homes: a folder, and Azure Blob Storage (its emulator)."""

import pickle
import threading
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from etl.blobs import open_container
from etl.errors import LakeError, SettingError
from etl.lake import Lake
from etl.monthly import build_changed_months
from etl.shards import build_shards
from etl.tables import STOCKOUTS


@pytest.fixture(params=["folder", "blobs"])
def home(request, tmp_path) -> Lake:
    if request.param == "folder":
        return Lake(tmp_path / "home")
    return Lake(f"az://lake/{request.getfixturevalue('blob_path')}")


def test_what_was_written_is_read_and_replaced(home):
    home.write_bytes("a/b.txt", b"old")
    home.write_bytes("a/b.txt", b"new")
    assert home.read_bytes("a/b.txt") == b"new"
    assert (home.exists("a/b.txt"), home.exists("a"), home.exists("a/c.txt")) == (
        True,
        False,
        False,
    )


def test_paths_are_those_below_a_folder_sorted(home):
    for path in (
        "t/month=2026-02/part.parquet",
        "t/month=2026-01/part.parquet",
        "tt/x",
        "t/m.json",
    ):
        home.write_bytes(path, b"")
    assert home.paths("t", ".parquet") == [
        "t/month=2026-01/part.parquet",
        "t/month=2026-02/part.parquet",
    ]
    assert len(home.paths("")) == 4
    assert home.paths("nowhere") == []


def test_a_version_changes_when_its_file_is_replaced(home):
    for path in ("t/a.json", "t/b.json", "t/c.txt"):
        home.write_bytes(path, b"one")
    before = home.versions("t", ".json")
    home.write_bytes("t/b.json", b"two")
    after = home.versions("t", ".json")
    assert list(before) == list(after) == ["t/a.json", "t/b.json"]
    assert before["t/a.json"] == after["t/a.json"]
    assert before["t/b.json"] != after["t/b.json"]
    assert home.versions("nowhere") == {}


def test_folders_are_those_directly_below_without_what_is_in_them(home):
    for path in ("s/day=2/a", "s/day=1/b/c", "s/file", "t/day=3/a"):
        home.write_bytes(path, b"")
    assert home.folders("s") == ["day=1", "day=2"]
    assert home.folders("nowhere") == []


def test_a_missing_file_is_named(home):
    with pytest.raises(LakeError, match=r"a/none\.json cannot be read"):
        home.read_json("a/none.json")


def test_what_is_deleted_is_gone_and_may_be_deleted_again(home):
    home.write_bytes("a", b"")
    home.delete("a")
    home.delete("a")
    assert not home.exists("a")


def test_a_folder_goes_with_all_that_is_below_it_and_its_name(home):
    for path in ("t/m=1/a", "t/m=1/b/c", "t/m=10/a"):
        home.write_bytes(path, b"")
    assert home.delete_folder("t/m=1") == 2
    assert home.delete_folder("t/m=1") == 0
    assert (home.paths(""), home.folders("t")) == (["t/m=10/a"], ["m=10"])
    with pytest.raises(LakeError, match="not removed whole"):
        home.delete_folder("")


def test_what_killed_writers_left_goes_when_it_is_old(tmp_path):
    lake = Lake(tmp_path)
    lake.write_bytes("t/a", b"")
    (tmp_path / "t" / "a.1.tmp").write_bytes(b"half")
    assert lake.delete_unfinished(datetime(2020, 1, 1, tzinfo=UTC)) == 0
    assert lake.delete_unfinished(datetime(2100, 1, 1, tzinfo=UTC)) == 1
    assert [file.name for file in (tmp_path / "t").iterdir()] == ["a"]


def test_a_file_moved_in_is_whole_and_gone_outside(home, tmp_path):
    file = tmp_path / "outside"
    file.write_bytes(b"content")
    home.move_in("inside/x", file)
    assert home.read_bytes("inside/x") == b"content"
    assert not file.exists()


def test_files_are_there_for_engines_that_read_local_ones(home):
    for name in ("b", "a"):
        home.write_bytes(f"x/{name}", name.encode())
    with home.local_files(["x/b", "x/a"]) as files:
        assert [Path(file).read_bytes() for file in files] == [b"b", b"a"]


def test_tables_keep_their_schema(home):
    row = {"merchant_id": "M", "store_id": "S", "product_id": "P", "date": date(2026, 3, 1)}
    home.write_table("t.parquet", pa.Table.from_pylist([row], STOCKOUTS.schema), STOCKOUTS)
    assert home.read_table("t.parquet").schema == STOCKOUTS.schema
    assert home.read_table("t.parquet", ["date"]).to_pylist() == [{"date": date(2026, 3, 1)}]


def test_another_process_can_open_the_same_lake(home):
    home.write_bytes("a", b"here")
    assert pickle.loads(pickle.dumps(home)).read_bytes("a") == b"here"


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "a/../../x"])
def test_a_path_stays_below_the_lake(path, home):
    with pytest.raises(LakeError, match="relative and stays below"):
        home.read_bytes(path)


def test_a_reader_sees_the_old_file_or_the_new_one(home):
    size, done, seen = 200_000, threading.Event(), set()
    home.write_bytes("part", b"0" * size)

    def write():
        for digit in "1234567":
            home.write_bytes("part", digit.encode() * size)
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    while not done.is_set():
        content = home.read_bytes("part")
        assert content == content[:1] * size
        seen.add(content[:1])
    writer.join()
    assert seen


def test_a_month_is_the_same_bytes_in_both_homes(
    home, lake, store, settings, marketplace, order, line, pull, files
):
    """The whole way, raw to shards, over the home, against the folder that `pull` fills."""
    marketplace.orders = [order(1, "2026-02-02T12:00:00-03:00", [line("A", 2), line("E", 1, None)])]
    limits = settings.__class__(quarantine_limit=0.5)
    pull("2026-02-01", "2026-02-28")
    for path, content in files().items():
        home.write_bytes(path, content)
    for each in (lake, home):
        build_changed_months(each, [store], date(2026, 2, 1), limits)
        build_shards(each, date(2026, 2, 1), limits)
    assert {path: home.read_bytes(path) for path in home.paths("")} == files()


def test_a_lake_elsewhere_has_no_local_path(blob_path):
    with pytest.raises(LakeError, match="is not on this machine; read it with local_files"):
        Lake(f"az://lake/{blob_path}").uri("a")


@pytest.mark.parametrize("url", ["s3://bucket", "az://"])
def test_another_address_is_refused(url):
    with pytest.raises(SettingError, match="must be a folder or az://container/path"):
        Lake(url)


def test_an_account_that_is_not_told_is_asked_for():
    with pytest.raises(SettingError, match="set AZURE_STORAGE_CONNECTION_STRING"):
        open_container("az://lake/x", {})


def test_a_wrong_connection_string_is_not_quoted():
    with pytest.raises(SettingError, match="not of Azure's shape") as raised:
        open_container("az://lake", {"AZURE_STORAGE_CONNECTION_STRING": "AccountKey=secret"})
    assert "secret" not in str(raised.value)
    assert raised.value.__cause__ is None
