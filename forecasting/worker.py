"""A worker process of the fleet: batches in, answers out, until its parent goes.

`python -m forecasting.worker FD` reads and writes pickled messages on the socket `FD` that its
parent, `forecasting.fleet`, opened for it. The first message is the engine with its horizon.
"""

from __future__ import annotations

import signal
import sys
import time
from multiprocessing.connection import Connection

from forecasting.guard import answers

__all__ = ["work"]


def work(parent: Connection) -> None:
    """Answer every batch that arrives, with the seconds it took; ends with the connection."""
    try:
        engine, horizon = parent.recv()
        while True:
            batch, previous = parent.recv()
            start = time.perf_counter()
            found = answers(engine, batch, horizon, previous)
            parent.send((found, time.perf_counter() - start))
    except (EOFError, ConnectionError):
        return


if __name__ == "__main__":
    # Ctrl-C reaches the whole group; the parent decides what becomes of its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    work(Connection(int(sys.argv[1])))
