from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import pytest

from dags.local.processes import Ledger, Started

SLEEPER = "import time; print('up', flush=True); time.sleep(600)"
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SLEEPER!r}])"
STUBBORN = f"import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); {SLEEPER}"


def start(program: str) -> Started:
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    with process.stdout as up:
        assert up.readline() == b"up\n"
    return Started(process)


def group_is_gone(leader: int) -> bool:
    """Whether no process of the group is left, once the system has had time to bury the dead."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            os.killpg(leader, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


@pytest.fixture
def ledger(tmp_path) -> Ledger:
    return Ledger(tmp_path / "processes.json")


def test_what_was_started_is_ended_with_its_children(ledger):
    started = start(PARENT)
    ledger.note([started])
    ledger.end([started])
    assert not started.running
    assert group_is_gone(started.pid)


def test_what_ignores_the_polite_signal_is_ended_all_the_same(ledger, monkeypatch):
    monkeypatch.setattr("dags.local.processes._GRACE", 0.5)
    started = start(STUBBORN)
    ledger.end([started])
    assert not started.running


def test_what_a_killed_program_left_behind_is_ended_by_the_next(ledger, tmp_path):
    started = start(SLEEPER)
    ledger.note([started])
    Ledger(tmp_path / "processes.json").end_leftovers()
    assert not started.running


def test_a_stranger_that_got_the_same_number_is_left_alone(ledger, tmp_path):
    started = start(SLEEPER)
    noted = [{"pid": started.pid, "began": "1"}]
    (tmp_path / "processes.json").write_text(json.dumps(noted))
    ledger.end_leftovers()
    assert started.running
    ledger.end([started])
