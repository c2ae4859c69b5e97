"""A run's survey in the lake: what holds for all in one file, what is one merchant's in another.

A task reads the findings of the merchants whose shards it forecasts, so that what it reads does not
grow with the fleet. The file of all is written last; its presence says that the survey is made.

>>> split({"ranking": [1], "courses": {"M1|S1": 2, "=M2": 3}, "shapes": {"0": {"M1|": [4]}}})[0]
{'ranking': [1], 'courses': {}, 'shapes': {'0': {}}}
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from etl.lake import Lake

__all__ = ["read_survey", "split", "write_survey"]

_BY_MERCHANT = frozenset(
    {"courses", "elsewhere", "first_sales", "models", "rows of shapes", "starts"}
)
"""Names of objects whose keys begin with a merchant: `M`, `M|store`, `=M|store`, `["M", …]`."""

Survey = dict[str, Any]


def write_survey(lake: Lake, path: str, survey: Survey) -> None:
    """Keep the survey at `path`, each merchant's part in a folder of its own beside it."""
    for_all, parts = split(survey)
    for merchant, part in sorted(parts.items()):
        lake.write_json(_part_path(path, merchant), part)
    lake.write_json(path, for_all)


def read_survey(lake: Lake, path: str, merchants: Iterable[str]) -> Survey:
    """What the survey found of all, and of those merchants."""
    survey: Survey = lake.read_json(path)
    for merchant in merchants:
        part = _part_path(path, merchant)
        if lake.exists(part):
            survey = _together(survey, lake.read_json(part))
    return survey


def split(survey: Survey, name: str = "") -> tuple[Survey, dict[str, Survey]]:
    """The object of that name without what is one merchant's, and what is, by merchant."""
    for_all: Survey = {}
    parts: dict[str, Survey] = {}
    for key, value in survey.items():
        if name in _BY_MERCHANT:
            parts.setdefault(_merchant_of(key), {})[key] = value
        elif isinstance(value, dict):
            for_all[key], own = split(value, "rows of shapes" if name == "shapes" else key)
            for merchant, part in own.items():
                parts.setdefault(merchant, {})[key] = part
        else:
            for_all[key] = value
    return for_all, parts


def _merchant_of(key: str) -> str:
    if key.startswith("["):
        return str(json.loads(key)[0])
    return key.removeprefix("=").partition("|")[0]


def _together(one: Survey, other: Survey) -> Survey:
    """Both objects in one, down to where they differ."""
    found = dict(one)
    for name, value in other.items():
        known = found.get(name)
        if isinstance(known, dict) and isinstance(value, dict):
            found[name] = _together(known, value)
        else:
            found[name] = value
    return found


def _part_path(path: str, merchant: str) -> str:
    return f"{path.removesuffix('.json')}/merchant_id={merchant}/survey.json"
