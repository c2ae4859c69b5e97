"""Work spread over mapped tasks: as many tasks as there is work, up to a limit."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TypeVar

__all__ = ["MOST_TASKS", "spread"]

MOST_TASKS = 500
_Item = TypeVar("_Item")


def spread(items: Sequence[_Item], tasks: int = MOST_TASKS) -> list[list[_Item]]:
    """`items` in at most `tasks` batches of nearly equal size, in order.

    >>> spread(["a", "b", "c"], tasks=2)
    [['a', 'b'], ['c']]
    >>> spread([1, 2])
    [[1], [2]]
    """
    count = min(tasks, len(items))
    bounds = [-(-len(items) * index // count) for index in range(count + 1)] if count else [0]
    return [list(items[lo:hi]) for lo, hi in pairwise(bounds)]
