"""A run rendered batch by batch over the machine's cores, in the order of its shards.

Rendering costs about as much as writing, so while this process writes one batch, others render the
next. They are processes of their own (`python -m api.rendering FD`), so that this works within an
Airflow task, whose process may not have children of multiprocessing; they end with their parent.
A small run is rendered where it is.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

from api.past import PastForecasts, past_forecasts
from api.registered import Listings
from api.render import render_forecasts
from api.store.documents import ForecastDocument
from api.totals import Totals
from api.vintage import Run, RunShard, read_shards
from etl.errors import IncompleteError, StorecastError
from etl.lake import Lake

__all__ = ["Batch", "render_run"]

_SERIES_AT_ONCE = 5000
_WORTH_PROCESSES = 20_000
_AHEAD = 2


class Batch(NamedTuple):
    """Documents of some shards, and what they add up to."""

    documents: list[ForecastDocument]
    totals: Totals


class _Renderer:
    """Renders batches of one run; what it reads of the registry is held between batches."""

    def __init__(self, lake: Lake, run: Run, past: PastForecasts) -> None:
        self._lake = lake
        self._run = run
        self._past = past
        self._listings = Listings(lake)

    def render(self, shards: Sequence[RunShard]) -> Batch:
        forecasts = read_shards(self._lake, self._run, shards)
        past = self._past.of_series(forecasts.keys)
        documents = render_forecasts(self._run, forecasts, self._listings.of(forecasts.keys), past)
        totals = Totals([])
        totals.add(forecasts, [document.confidence for document in documents])
        return Batch(documents, totals)


def render_run(lake: Lake, run: Run, jobs: int) -> Iterator[Batch]:
    """Every batch of the run, rendered by `jobs` processes (0: one for each core).

    Raises what reading and checking the run raises, and `IncompleteError` where a process is lost.
    """
    batches = list(_batches(run.shards))
    processes = min(jobs or len(os.sched_getaffinity(0)), len(batches))
    if run.series < _WORTH_PROCESSES or processes < 2:
        with past_forecasts(lake, run.cutoff_month) as past:
            yield from map(_Renderer(lake, run, past).render, batches)
        return
    with ExitStack() as stack, _losses_told(run):
        workers = [stack.enter_context(_process(lake, run)) for _ in range(processes)]
        for place, shards in enumerate(batches[: processes * _AHEAD]):
            workers[place % processes].send(shards)
        for place in range(len(batches)):
            worker = workers[place % processes]
            rendered = _received(worker)
            if place + processes * _AHEAD < len(batches):
                worker.send(batches[place + processes * _AHEAD])
            yield rendered


def _batches(shards: Sequence[RunShard]) -> Iterator[list[RunShard]]:
    """Shards in groups of a few thousand series, so that small ones do not cost a read each."""
    batch: list[RunShard] = []
    for shard in shards:
        batch.append(shard)
        if sum(each.series for each in batch) >= _SERIES_AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch


@contextmanager
def _process(lake: Lake, run: Run) -> Iterator[Connection[Any, Any]]:
    """A rendering process, at the other end of the connection."""
    here, there = Pipe()
    with here:
        with there:
            command = [sys.executable, "-m", __name__, str(there.fileno())]
            process = subprocess.Popen(command, pass_fds=[there.fileno()])  # noqa: S603  ours
        try:
            here.send((lake.url, run))
            yield here
        finally:
            here.close()
            process.terminate()
            process.wait()


def _received(worker: Connection[Any, Any]) -> Batch:
    found = worker.recv()
    if isinstance(found, BaseException):
        raise found
    return Batch(*found)


@contextmanager
def _losses_told(run: Run) -> Iterator[None]:
    """A connection that breaks means a process that was lost."""
    try:
        yield
    except (EOFError, ConnectionError) as error:
        raise IncompleteError(
            f"a process that rendered run {run.run_id} was lost; nothing is published: "
            "see that there is memory, and publish again"
        ) from error


def _serve(parent: Connection[Any, Any]) -> None:
    """Render what the parent sends, until it goes."""
    try:
        url, run = parent.recv()
        lake = Lake(url)
        with past_forecasts(lake, run.cutoff_month) as past:
            renderer = _Renderer(lake, run, past)
            while True:
                _answer(parent, renderer)
    except (EOFError, ConnectionError):
        return


def _answer(parent: Connection[Any, Any], renderer: _Renderer) -> None:
    shards = parent.recv()
    try:
        answer: object = tuple(renderer.render(shards))
    except StorecastError as error:
        answer = error
    parent.send_bytes(pickle.dumps(answer, pickle.HIGHEST_PROTOCOL))


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _serve(Connection(int(sys.argv[1])))
