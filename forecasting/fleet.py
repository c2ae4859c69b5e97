"""A stream of series over the machine's processes, in order, in memory that does not grow.

Batches are sized so that each takes about a second; a few per process are under way at a time.
A worker that dies (a crash, the kernel's out-of-memory killer) loses its batch only: the batch is
repeated series by series, and the one that kills its worker again is answered by seasonal naive
with the reason `worker_died`.

>>> from datetime import date
>>> import numpy as np
>>> from forecasting.models.seasonal_naive import SeasonalNaive
>>> works = [Work(Series("M1", "S1", "P1", date(2025, 1, 1), np.arange(1.0, 25.0)))]
>>> [done.forecast.units[0] for done in forecast_fleet(works, SeasonalNaive(), 12, jobs=1)]
[np.float64(13.0)]
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from multiprocessing import Pipe
from queue import SimpleQueue
from typing import Generic

from threadpoolctl import threadpool_limits
from typing_extensions import TypeVar

from forecasting.forecaster import Forecast, Forecaster, Series
from forecasting.guard import Answer, GuardedForecaster, answers, rescue

__all__ = ["Done", "Fleet", "Work", "cores", "forecast_fleet"]

_LOG = logging.getLogger(__name__)

_ONE_THREAD = dict.fromkeys(
    ["OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"], "1"
)
_SECONDS_PER_BATCH = 1.0
_FIRST_BATCH, _LARGEST_BATCH = 4, 256
_BATCHES_PER_PROCESS = 2

S = TypeVar("S", default=Series)


@dataclass(frozen=True, eq=False)
class Work(Generic[S]):
    """One series to forecast, with the model that served it last month, where one is kept."""

    series: S
    previous: str | None = None


@dataclass(frozen=True, eq=False)
class Done(Generic[S]):
    """One series with its forecast, and its fitted model where the engine keeps one."""

    series: S
    forecast: Forecast
    model: str | None = None


def cores(jobs: int) -> int:
    """`jobs` processes, or as many as this process may use cores where `jobs` is 0."""
    return jobs if jobs > 0 else len(os.sched_getaffinity(0))


def forecast_fleet(
    works: Iterable[Work[S]],
    engine: Forecaster | GuardedForecaster,
    horizon: int,
    jobs: int = 0,
) -> Iterator[Done[S]]:
    """Every series of `works` with its forecast, in order, by `jobs` processes.

    One process (`jobs=1`) is this one; then a crash of the engine is a crash of the caller.
    """
    with Fleet[S](engine, horizon, jobs) as fleet:
        yield from fleet.forecast(works)


def _done(batch: list[Work[S]], found: list[Answer]) -> Iterator[Done[S]]:
    for work, answer in zip(batch, found, strict=True):
        yield Done(work.series, answer.forecast, answer.model)


class _WorkerDiedError(Exception):
    """The worker ended in the middle of a batch."""


class _Worker:
    """One worker process and the socket to it; linear algebra is held to one thread."""

    def __init__(self, engine: Forecaster | GuardedForecaster, horizon: int) -> None:
        self._connection, theirs = Pipe()
        with theirs:
            self.process = subprocess.Popen(  # noqa: S603  our own interpreter and module
                [sys.executable, "-m", "forecasting.worker", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env={**os.environ, **_ONE_THREAD, "PYTHONPATH": os.pathsep.join(sys.path)},
            )
        try:
            self._connection.send((engine, horizon))
        except ConnectionError:
            _LOG.debug("worker %d ended before its first batch", self.process.pid)

    def answer(self, batch: list[Work[S]]) -> tuple[list[Answer], float]:
        """The answers to `batch` and the seconds they took."""
        try:
            self._connection.send(([w.series for w in batch], [w.previous for w in batch]))
            found, seconds = self._connection.recv()
        except (EOFError, ConnectionError) as error:
            raise _WorkerDiedError from error
        return found, seconds

    def end(self) -> int:
        """Stop the process at once; its exit code, negative for a signal."""
        self.process.kill()
        code = self.process.wait()
        self._connection.close()
        return code


class Fleet(Generic[S]):
    """Workers that stay for as many streams of series as are forecast, one after the other.

    Each is driven by a thread of its own and started when it is first needed; all end with the
    `with` block, at once, whatever they are doing.
    """

    def __init__(self, engine: Forecaster | GuardedForecaster, horizon: int, jobs: int = 0) -> None:
        self._engine, self._horizon, self._size = engine, horizon, cores(jobs)
        size = self._size
        self._threads = ThreadPoolExecutor(size, thread_name_prefix="fleet")
        self._idle: SimpleQueue[_Worker | None] = SimpleQueue()
        for _ in range(size):
            self._idle.put(None)
        self._all: list[_Worker] = []
        self._dismissed = False
        self._batch_size = _FIRST_BATCH

    def __enter__(self) -> Fleet[S]:
        return self

    def __exit__(self, *_: object) -> None:
        self._dismiss()

    def forecast(self, works: Iterable[Work[S]]) -> Iterator[Done[S]]:
        """Every work done, in order; at most a few batches per worker are under way."""
        if self._size == 1:
            return self._forecast_here(iter(works))
        return self._forecast_there(iter(works))

    def _forecast_here(self, works: Iterator[Work[S]]) -> Iterator[Done[S]]:
        with threadpool_limits(1):
            while batch := list(islice(works, _FIRST_BATCH)):
                series, previous = [w.series for w in batch], [w.previous for w in batch]
                yield from _done(batch, answers(self._engine, series, self._horizon, previous))

    def _forecast_there(self, works: Iterator[Work[S]]) -> Iterator[Done[S]]:
        window: deque[tuple[list[Work[S]], Future[list[Answer]]]] = deque()
        while batch := list(islice(works, self._batch_size)):
            window.append((batch, self._threads.submit(self._serve, batch)))
            if len(window) >= self._size * _BATCHES_PER_PROCESS:
                yield from self._first(window)
        while window:
            yield from self._first(window)

    def _dismiss(self) -> None:
        self._dismissed = True
        for worker in list(self._all):
            worker.process.kill()
        self._threads.shutdown(cancel_futures=True)
        for worker in self._all:
            worker.end()

    @staticmethod
    def _first(window: deque[tuple[list[Work[S]], Future[list[Answer]]]]) -> Iterator[Done[S]]:
        batch, future = window.popleft()
        return _done(batch, future.result())

    def _serve(self, batch: list[Work[S]]) -> list[Answer]:
        try:
            found, seconds = self._try(batch)
        except _WorkerDiedError:
            if self._dismissed:
                raise
            return [self._serve_alone(work) for work in batch]
        fitting = round(len(batch) * _SECONDS_PER_BATCH / max(seconds, 1e-3))
        self._batch_size = min(max(1, fitting, len(batch) // 2), 2 * len(batch), _LARGEST_BATCH)
        return found

    def _serve_alone(self, work: Work[S]) -> Answer:
        try:
            return self._try([work])[0][0]
        except _WorkerDiedError as died:
            return Answer(rescue(self._engine, work.series, self._horizon, f"worker_died {died}"))

    def _try(self, batch: list[Work[S]]) -> tuple[list[Answer], float]:
        """Answers from an idle worker, which is replaced when it dies."""
        worker = self._idle.get()
        try:
            worker = worker or self._start()
            return worker.answer(batch)
        except _WorkerDiedError as died:
            code = self._replace(worker)
            worker = None
            raise _WorkerDiedError(f"signal={-code}" if code < 0 else f"exit={code}") from died
        finally:
            self._idle.put(worker)

    def _start(self) -> _Worker:
        worker = _Worker(self._engine, self._horizon)
        self._all.append(worker)
        if self._dismissed:
            worker.process.kill()
        return worker

    def _replace(self, worker: _Worker | None) -> int:
        if worker is None:
            return 0
        self._all.remove(worker)
        code = worker.end()
        if not self._dismissed:
            _LOG.warning("worker %d died (exit code %d)", worker.process.pid, code)
        return code
