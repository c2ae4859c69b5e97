"""Where a local run keeps its things, so that two order files never mix.

The sample's lake and store are those of the defaults, `data/lake` and `data/store.sqlite`; other
orders get a folder of their own below `data/`, named after the file and its content.
"""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from etl.errors import InputError

__all__ = ["Home", "home_of", "only_run"]


@dataclass(frozen=True)
class Home:
    """The orders that a run replays, and where its lake, store and Airflow are."""

    orders: Path
    folder: Path
    airflow: Path

    @property
    def lake(self) -> Path:
        """The lake."""
        return self.folder / "lake"

    @property
    def store_url(self) -> str:
        """The embedded forecast store."""
        return f"sqlite:///{self.folder / 'store.sqlite'}"


def home_of(orders: str, data: Path) -> Home:
    """The home of a run on `orders`, below `data`; of the sample where `orders` is empty."""
    data = data.resolve()
    airflow = data / "airflow"
    if not orders:
        return Home(data / "sample", data, airflow)
    path = Path(orders).resolve()
    if not path.exists():
        raise InputError(f"there are no orders at {path}; ORDERS names a CSV, XLSX or parquet file")
    return Home(path, data / f"orders-{path.stem}-{_fingerprint(path)}", airflow)


@contextmanager
def only_run(home: Home) -> Iterator[None]:
    """Hold `home` for one run at a time. Raises `InputError` while another run holds it."""
    home.airflow.parent.mkdir(parents=True, exist_ok=True)
    with (home.airflow.parent / "run.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(
                f"another run works in {home.airflow.parent}; wait for it, or stop it"
            ) from error
        yield


def _fingerprint(path: Path) -> str:
    """Eight signs that stand for the content of a file, or of a folder's files."""
    digest = hashlib.sha256()
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.is_file():
            digest.update(file.name.encode())
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:8]
