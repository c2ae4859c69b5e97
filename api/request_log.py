"""One JSON line per request: when, who, what, how it ended. It is the audit trail of reads.

Lines are handed to a thread that writes them in batches, so that no answer waits for the disk. No
token, cookie, body or query stands in a line; a token's id does.
"""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import orjson

__all__ = ["RequestLog", "log_files", "rewrite_log"]

_SECONDS = 0.1


class RequestLog:
    """Lines into the file at `path`, or to standard output where it is empty."""

    def __init__(self, path: str) -> None:
        self._file: BinaryIO | None = None
        if path:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            self._file = Path(path).open("ab", buffering=0)  # noqa: SIM115
        self._waiting: deque[bytes] = deque()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="request-log", daemon=True)
        self._thread.start()

    def write(self, line: dict[str, Any]) -> None:
        """Take a line, to be written within a tenth of a second.

        It waits as bytes: a thousand lines as objects would push what answers need out of the
        processor's cache.
        """
        self._waiting.append(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))

    def close(self) -> None:
        """Write what is waiting, and end."""
        self._ended.set()
        self._thread.join()
        if self._file is not None:
            self._file.close()

    def _run(self) -> None:
        while not self._ended.wait(_SECONDS):
            self._flush()
        self._flush()

    def _flush(self) -> None:
        text = b"".join([self._waiting.popleft() for _ in range(len(self._waiting))])
        if not text:
            return
        if self._file is not None:
            self._file.write(text)
        else:
            sys.stdout.buffer.write(text)
            sys.stdout.buffer.flush()


def log_files(path: str) -> list[Path]:
    """The log at `path` and what was rotated beside it, if it is a file; packed ones left out."""
    log = Path(path)
    found = sorted(log.parent.glob(f"{log.name}*")) if path else []
    return [file for file in found if file.is_file() and file.suffix not in (".gz", ".xz", ".zst")]


def rewrite_log(file: Path, keeps: Callable[[bytes], bool]) -> None:
    """Leave only the lines that `keeps` says, in place: the API has the file open."""
    with file.open("r+b") as log:
        kept = [line for line in log if keeps(line)]
        log.seek(0)
        log.writelines(kept)
        log.truncate()
