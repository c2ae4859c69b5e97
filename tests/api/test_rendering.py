"""Rendering over processes gives what rendering in place gives, and fails as clearly."""

from __future__ import annotations

import os
import signal

import pytest

from api import rendering
from api.rendering import render_run
from api.vintage import read_run
from etl.errors import IncompleteError


@pytest.fixture
def spread(monkeypatch):
    """Every shard is a batch, and two processes are worth it."""
    monkeypatch.setattr(rendering, "_WORTH_PROCESSES", 0)
    monkeypatch.setattr(rendering, "_SERIES_AT_ONCE", 1)


def test_documents_are_the_same_and_in_order(lake, write, spread):
    write.scores(lake)
    run = read_run(lake, "2026-10.1")

    in_place = [batch.documents for batch in render_run(lake, run, jobs=1)]
    by_processes = [batch.documents for batch in render_run(lake, run, jobs=2)]
    assert by_processes == in_place
    assert [len(documents) for documents in in_place] == [3, 2]


def test_a_spoiled_shard_is_told_as_in_place(lake, spread):
    run = read_run(lake, "2026-10.1")
    path = run.shards[1].path
    lake.write_bytes(path, lake.read_bytes(path) + b"\n")
    with pytest.raises(IncompleteError, match=r"shard=0001.csv has changed since run 2026-10.1"):
        list(render_run(lake, run, jobs=2))


def test_a_lost_process_is_told_and_leaves_none_behind(lake, spread, monkeypatch):
    started = []

    class Recorded(rendering.subprocess.Popen):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            started.append(self)
            os.kill(self.pid, signal.SIGKILL)

    monkeypatch.setattr(rendering.subprocess, "Popen", Recorded)
    with pytest.raises(IncompleteError, match=r"a process that rendered run 2026-10.1 was lost"):
        list(render_run(lake, read_run(lake, "2026-10.1"), jobs=2))
    assert started and all(process.returncode is not None for process in started)
