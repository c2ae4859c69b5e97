"""A run loaded into the store batch by batch, over the machine's cores, in the order of its shards.

Each process renders batches and writes what it rendered itself: documents are ten times what they
are made from, and handing them to one writer costs as much as writing them. The embedded store
takes one writer at a time, so each waits for its turn while the others render. They are processes
of their own (`python -m api.loading FD`), so that this works within an Airflow task, whose process
may not have children of multiprocessing; they end with their parent. A small run is loaded by the
process that publishes it.
"""

from __future__ import annotations

import gc
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any

from api.corrected import CorrectedMonths, corrected_months
from api.past import ShownForecasts, past_forecasts
from api.registered import Listings
from api.render import render_forecasts
from api.store import ForecastStore, open_store
from api.store.documents import ForecastDocument
from api.totals import Totals
from api.vintage import Run, RunShard, read_shards
from etl.errors import IncompleteError, StorecastError
from etl.lake import Lake

__all__ = ["load_run"]

_SERIES_AT_ONCE = 5000
_WORTH_PROCESSES = 20_000
_YOUR_TURN = "write"


def load_run(lake: Lake, store: ForecastStore, load: int, run: Run, jobs: int) -> Totals:
    """Write every forecast of the run, by `jobs` processes (0: one for each core).

    Answers what they add up to. Raises what reading, checking and writing raise, and
    `IncompleteError` where a process is lost.
    """
    batches = list(_batches(run.shards))
    processes = min(jobs or len(os.sched_getaffinity(0)), len(batches))
    totals = Totals([])
    if run.series < _WORTH_PROCESSES or processes < 2:
        with (
            past_forecasts(lake, run.cutoff_month) as past,
            _renderer(lake, run, past) as renderer,
        ):
            for shards in batches:
                documents, part = renderer.render(shards)
                store.put_forecasts(load, documents)
                totals.merge(part)
        return totals
    with ExitStack() as stack, _losses_told(run):
        past = stack.enter_context(past_forecasts(lake, run.cutoff_month))
        what = (lake.url, store.url, load, run, stack.enter_context(past.in_small_files()))
        workers = [stack.enter_context(_process(what)) for _ in range(processes)]
        for worker, shards in zip(workers, batches, strict=False):
            worker.send(shards)
        for place in range(len(batches)):
            worker = workers[place % processes]
            _answer_of(worker)
            worker.send(_YOUR_TURN)
            totals.merge(_answer_of(worker))
            if place + processes < len(batches):
                worker.send(batches[place + processes])
            # Here, while all render: a process that did it as part of its writing could not.
            store.settle()
    return totals


class _Renderer:
    """Renders batches of one run; what it reads of the registry is held between batches."""

    def __init__(
        self, lake: Lake, run: Run, past: ShownForecasts, corrected: CorrectedMonths
    ) -> None:
        self._lake = lake
        self._run = run
        self._past = past
        self._corrected = corrected
        self._listings = Listings(lake)

    def render(self, shards: Sequence[RunShard]) -> tuple[list[ForecastDocument], Totals]:
        """The documents of some shards, and what they add up to."""
        forecasts = read_shards(self._lake, self._run, shards)
        documents = render_forecasts(
            self._run,
            forecasts,
            self._listings.of(forecasts.keys),
            self._past.of_series(forecasts.keys),
            self._corrected.of_series(forecasts.keys, forecasts.reasons),
        )
        totals = Totals([])
        totals.add(forecasts, [document.confidence for document in documents])
        return documents, totals


@contextmanager
def _renderer(lake: Lake, run: Run, past: ShownForecasts) -> Iterator[_Renderer]:
    """A renderer with what it reads of other tables at hand."""
    with corrected_months(lake, run.run_id) as corrected:
        yield _Renderer(lake, run, past, corrected)


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
def _process(what: tuple[str, str, int, Run, ShownForecasts]) -> Iterator[Connection[Any, Any]]:
    """A loading process, at the other end of the connection."""
    here, there = Pipe()
    with here:
        with there:
            command = [sys.executable, "-m", __name__, str(there.fileno())]
            process = subprocess.Popen(command, pass_fds=[there.fileno()])  # noqa: S603  ours
        try:
            here.send(what)
            yield here
        finally:
            here.close()
            process.terminate()
            process.wait()


def _answer_of(worker: Connection[Any, Any]) -> Any:
    answer = worker.recv()
    if isinstance(answer, BaseException):
        raise answer
    return answer


@contextmanager
def _losses_told(run: Run) -> Iterator[None]:
    """A connection that breaks means a process that was lost."""
    try:
        yield
    except (EOFError, ConnectionError) as error:
        raise IncompleteError(
            f"a process that loaded run {run.run_id} was lost; nothing is published: "
            "see that there is memory, and publish again"
        ) from error


def _serve(parent: Connection[Any, Any]) -> None:
    """Render and write what the parent sends, until it goes."""
    # Documents hold no cycles; looking for some among so many costs a tenth of the time.
    gc.set_threshold(100_000, 50, 100)
    try:
        lake_url, store_url, load, run, past = parent.recv()
        lake = Lake(lake_url)
        with closing(open_store(store_url)) as store, _renderer(lake, run, past) as renderer:
            while True:
                _load_batch(parent, renderer, store, load)
    except StorecastError as error:
        parent.send(error)
    except (EOFError, ConnectionError):
        return


def _load_batch(
    parent: Connection[Any, Any], renderer: _Renderer, store: ForecastStore, load: int
) -> None:
    """Render a batch, wait for the turn to write, and answer what it adds up to."""
    documents, totals = renderer.render(parent.recv())
    parent.send(None)
    parent.recv()
    store.put_forecasts(load, documents)
    parent.send_bytes(pickle.dumps(totals, pickle.HIGHEST_PROTOCOL))


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _serve(Connection(int(sys.argv[1])))
