"""Processes that this program started: remembered on disk, ended by group, leftovers too.

A program that is killed outright cannot end its children. The ledger names them by process id and
start time, so that the next start ends exactly those, and never a stranger that got the same id.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path

__all__ = ["Ledger", "Started"]

_GRACE = 15.0


class Started:
    """A child in a session of its own."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.pid = process.pid
        self.began = _began(process.pid)

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None


class Ledger:
    """What was started, in the file at `path`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def note(self, started: Iterable[Started]) -> None:
        """Remember `started`, in place of what was noted before."""
        rows = [{"pid": one.pid, "began": one.began} for one in started]
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(json.dumps(rows))

    def end(self, started: list[Started]) -> None:
        """End `started` and their children: SIGINT to each group, SIGKILL after the grace."""
        _end_groups([one.pid for one in started], lambda: any(one.running for one in started))
        self._path.unlink(missing_ok=True)

    def end_leftovers(self) -> None:
        """End what an earlier program noted here and could not end."""
        if not self._path.exists():
            return
        rows = json.loads(self._path.read_text() or "[]")
        ours = [row["pid"] for row in rows if row["began"] and _began(row["pid"]) == row["began"]]
        _end_groups(ours, lambda: any(_began(pid) for pid in ours))
        self._path.unlink(missing_ok=True)


def _end_groups(leaders: list[int], running: Callable[[], bool]) -> None:
    for leader in leaders:
        _signal_group(leader, signal.SIGINT)
    _wait_while(running, _GRACE)
    for leader in leaders:
        _signal_group(leader, signal.SIGKILL)
    _wait_while(running, _GRACE)


def _wait_while(running: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while running() and time.monotonic() < deadline:
        time.sleep(0.1)


def _signal_group(leader: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, number)


def _began(pid: int) -> str:
    """When the process began, in the kernel's ticks; empty where there is none, or no /proc."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    state, *fields = stat.rpartition(")")[2].split()
    return "" if state == "Z" else fields[18]
