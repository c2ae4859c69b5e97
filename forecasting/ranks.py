"""Which of many are kept: those whose keys have the smallest hashes.

A hash chooses alike in whatever order, and in however many shards, series are seen.
"""

from __future__ import annotations

import hashlib

__all__ = ["rank_of"]


def rank_of(*key: str) -> int:
    """A hash of a key, below 2 to the power of 64.

    >>> rank_of("M", "S", "A") < 2**64, rank_of("M", "SA") == rank_of("MS", "A")
    (True, False)
    """
    return int.from_bytes(hashlib.sha256("\0".join(key).encode()).digest()[:8], "big")
