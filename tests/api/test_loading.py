"""Loading over processes gives what loading in place gives, and fails as clearly."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3

import pytest

from api import loading
from api.loading import load_run
from api.vintage import read_run
from etl.errors import IncompleteError


@pytest.fixture
def spread(monkeypatch):
    """Every shard is a batch, and two processes are worth it."""
    monkeypatch.setattr(loading, "_WORTH_PROCESSES", 0)
    monkeypatch.setattr(loading, "_SERIES_AT_ONCE", 1)


@pytest.fixture
def loaded(lake, store, tmp_path):
    """Loads the run anew with so many jobs; answers its rows as written, and its totals."""

    def load(jobs):
        run = read_run(lake, "2026-10.1")
        number = store.begin(run.run_id, run.digest).load
        totals = load_run(lake, store, number, run, jobs)
        with sqlite3.connect(tmp_path / "store.sqlite") as file:
            query = "SELECT * FROM forecasts WHERE load = ? ORDER BY rowid"
            rows = [row[1:] for row in file.execute(query, (number,))]
        return rows, list(totals.documents(run, {}, {}))

    return load


def test_documents_are_the_same_and_in_order(loaded, lake, write, spread):
    write.scores(lake)
    in_place, by_processes = loaded(jobs=1), loaded(jobs=2)
    assert by_processes == in_place
    keys = [row[:3] for row in in_place[0]]
    assert keys[0] == ("M1", "S1", "MUG") and keys[-1] == ("M2", "S1", "MUG") and len(keys) == 5


def test_what_processes_wrote_is_settled_on_the_way(loaded, tmp_path, spread):
    rows, _ = loaded(jobs=2)
    # Without the write-ahead log beside it, a copy has what stands in the file itself.
    shutil.copy(tmp_path / "store.sqlite", tmp_path / "copy.sqlite")
    with sqlite3.connect(tmp_path / "copy.sqlite") as file:
        assert file.execute("SELECT count(*) FROM forecasts").fetchone() == (len(rows),)


def test_a_spoiled_shard_is_told_as_in_place(loaded, lake, spread):
    path = read_run(lake, "2026-10.1").shards[1].path
    lake.write_bytes(path, lake.read_bytes(path) + b"\n")
    for jobs in (1, 2):
        with pytest.raises(IncompleteError, match=r"shard=0001.csv has changed since run 2026-10"):
            loaded(jobs)


def test_a_lost_process_is_told_and_leaves_none_behind(loaded, spread, monkeypatch):
    started = []

    class Recorded(loading.subprocess.Popen):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            started.append(self)
            os.kill(self.pid, signal.SIGKILL)

    monkeypatch.setattr(loading.subprocess, "Popen", Recorded)
    with pytest.raises(IncompleteError, match=r"a process that loaded run 2026-10.1 was lost"):
        loaded(jobs=2)
    assert started and all(process.returncode is not None for process in started)
