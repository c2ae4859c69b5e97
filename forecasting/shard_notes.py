"""What became of each shard while its run is made: done in so many seconds, or failed, and why.

A note stands beside the predictions, in `predictions/run_id=R/notes/`, and is written after the
shard's file. A shard that failed does not stop those after it; tried again, only what is not done
is made. What a run has cost is kept in `costs/`, by engine: the next month's shards are cut by it.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from etl.lake import Lake

__all__ = ["each_alone", "failure_of", "made_of", "note_failure", "note_made", "write_cost"]

_LOG = logging.getLogger(__name__)

_LOST = "its task ended without a word: killed, or out of time"


def each_alone(
    lake: Lake,
    run_id: str,
    shards: Sequence[int],
    made_from: Mapping[int, str],
    predict: Callable[[int], dict[str, Any]],
) -> list[dict[str, Any]]:
    """What is told of each shard by `predict`, called for those not yet made from the same.

    Raises the first error, after every shard was tried; the message of each is noted.
    """
    told, errors = [], []
    for shard in shards:
        note = _read(lake, run_id, shard)
        if note.get("made_from") == made_from[shard] and _is_kept(lake, note["told"]):
            told.append(note["told"])
            continue
        try:
            told.append(predict(shard))
        except Exception as error:  # one shard's trouble is not the next one's
            tries = note_failure(lake, run_id, shard, f"{type(error).__name__}: {error}")
            _LOG.warning("shard failed run_id=%s shard=%d tries=%d", run_id, shard, tries)
            error.add_note(f"shard {shard} of run {run_id}, try {tries}")
            errors.append(error)
    if errors:
        raise errors[0]
    return told


def note_made(
    lake: Lake, run_id: str, told: dict[str, Any], made_from: str, seconds: float
) -> None:
    """Note that a shard is made, from what, and the wall time that it took."""
    shard, series = told["shard"], told["series"]
    _LOG.info(
        "shard made run_id=%s shard=%d series=%d seconds=%.2f", run_id, shard, series, seconds
    )
    note = {"made_from": made_from, "told": told, "seconds": round(seconds, 3)}
    lake.write_json(_path(run_id, shard), note)


def note_failure(lake: Lake, run_id: str, shard: int, message: str) -> int:
    """Note that a shard could not be made; how many times that has happened."""
    tries = int(_read(lake, run_id, shard).get("tries", 0)) + 1
    lake.write_json(_path(run_id, shard), {"message": message, "tries": tries})
    return tries


def failure_of(lake: Lake, run_id: str, shard: int, there: bool) -> dict[str, Any] | None:
    """Message and tries of a shard that could not be made; `there` is whether it has a file."""
    note = _read(lake, run_id, shard)
    if "message" in note:
        return {"shard": shard, "message": note["message"], "tries": note["tries"]}
    return None if there else {"shard": shard, "message": _LOST, "tries": 0}


def made_of(lake: Lake, run_id: str, shard: int) -> dict[str, Any] | None:
    """What was noted when the shard was made: `told`, and what it was `made_from`."""
    note = _read(lake, run_id, shard)
    return note if "told" in note else None


def write_cost(lake: Lake, run_id: str, engine: str, shards: Sequence[int]) -> dict[str, Any]:
    """Keep what the run has cost, and give it: series, seconds of all tasks, shards."""
    notes = [note for shard in shards if "seconds" in (note := _read(lake, run_id, shard))]
    cost = {
        "run_id": run_id,
        "engine": engine,
        "series": sum(note["told"]["series"] for note in notes),
        "seconds": round(sum(note["seconds"] for note in notes), 3),
        "shards": len(notes),
    }
    if notes:
        lake.write_json(f"costs/engine={engine}/run_id={run_id}.json", cost)
    return cost


def _is_kept(lake: Lake, told: dict[str, Any]) -> bool:
    """Whether the file that was told of is there still."""
    if not lake.exists(told["path"]):
        return False
    return hashlib.sha256(lake.read_bytes(told["path"])).hexdigest() == str(told["sha256"])


def _read(lake: Lake, run_id: str, shard: int) -> dict[str, Any]:
    path = _path(run_id, shard)
    note: dict[str, Any] = lake.read_json(path) if lake.exists(path) else {}
    return note


def _path(run_id: str, shard: int) -> str:
    return f"predictions/run_id={run_id}/notes/shard={shard:04}.json"
