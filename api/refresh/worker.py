"""The embedded worker: takes refreshes from the store in turn, and works on one at a time.

It is a process of its own, so that the API answers while it trains; several of them, on one machine
or many, share what there is through the leases in the store. `python -m api serve` keeps one beside
it, which ends with it; a worker that dies is started again.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress

from api.refresh.lifeline import Lifeline
from api.refresh.run import Clock, holder_name, work_on
from api.refresh.turns import claim_next, others_wait
from api.store.protocol import ForecastStore
from etl.errors import StorecastError
from etl.lake import Lake
from etl.settings import Settings
from forecasting.daily.engines import open_daily_engine

__all__ = ["KeptWorkers", "Worker", "end_with_input"]

_LOG = logging.getLogger("storecast.refresh")
_IDLE_SECONDS = 0.2
_PAUSE_SECONDS = 2.0
_GRACE_SECONDS = 20.0


class Worker:
    """Works on refreshes of `store` until `stopped` is set."""

    def __init__(
        self, store: ForecastStore, settings: Settings, clock: Clock | None = None
    ) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self._lake: Lake | None = None
        self.name = holder_name()
        self.stopped = threading.Event()

    def run(self) -> None:
        """Work in turn, and look again five times a second where there is nothing to do.

        The engine is loaded first, so that nobody waits for that.
        """
        open_daily_engine(self._settings.daily_engine)
        lease = self._settings.refresh_lease_seconds
        with closing(Lifeline(self._store.refreshes, lease)) as lifeline:
            while not self.stopped.is_set():
                try:
                    busy = self.work_once(lifeline)
                except StorecastError:
                    _LOG.exception("the worker goes on after a pause")
                    self.stopped.wait(_PAUSE_SECONDS)
                    continue
                if not busy:
                    self.stopped.wait(_IDLE_SECONDS)

    def work_once(self, lifeline: Lifeline) -> bool:
        """One turn at the refresh whose turn it is; False where none waits."""
        lease = self._settings.refresh_lease_seconds
        row = claim_next(self._store.refreshes, self.name, time.time(), lease)
        if row is None:
            return False
        ends = time.monotonic() + self._settings.refresh_turn_seconds

        def stop() -> bool:
            if self.stopped.is_set():
                return True
            over = time.monotonic() > ends
            return over and others_wait(self._store.refreshes, row, time.time())

        self._lake = self._lake or Lake(self._settings.lake_url)
        work_on(self._lake, self._store, row, self._settings, lifeline, self._clock, stop)
        return True


class KeptWorkers:
    """Worker processes beside the API: started, started again where they die, stopped with it.

    Each ends by itself when this process is gone, since its standard input is closed then.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._processes: list[subprocess.Popen[bytes]] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="refresh-workers", daemon=True)

    def __enter__(self) -> KeptWorkers:
        self._processes = [_started() for _ in range(self._count)]
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        for process in self._processes:
            _close_input(process)
        deadline = time.monotonic() + _GRACE_SECONDS
        for process in self._processes:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _keep(self) -> None:
        while not self._ended.wait(_PAUSE_SECONDS):
            for number, process in enumerate(self._processes):
                if process.poll() is not None:
                    _LOG.warning("a worker ended with %s; another is started", process.returncode)
                    _close_input(process)
                    self._processes[number] = _started()


def end_with_input(end: Callable[[], None]) -> None:
    """Call `end` when standard input is closed: the process that kept us is gone."""

    def watch() -> None:
        with suppress(OSError):
            while os.read(0, 4096):
                pass
        end()

    threading.Thread(target=watch, name="refresh-keeper", daemon=True).start()


def _started() -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "api", "worker", "--kept"]
    return subprocess.Popen(command, stdin=subprocess.PIPE)  # noqa: S603  ours


def _close_input(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        with suppress(OSError):
            process.stdin.close()
