"""Commands of `python -m api` that look through lake and store together, for a person at hand.

They are no routes: a route reads the store alone.
"""

from __future__ import annotations

import argparse
import json
from contextlib import closing
from datetime import date
from typing import Any

from api.lineage import explain
from api.lineage_words import in_words
from api.store import open_store
from etl.errors import IncompleteError
from etl.lake import Lake
from etl.settings import Settings

__all__ = ["add_commands"]


def add_commands(commands: Any) -> None:
    """Add the commands to those of `python -m api`."""
    meaning = "where a served number comes from, down to the raw orders"
    command = commands.add_parser("explain", help=meaning, description=meaning)
    for name in ("merchant", "store", "product"):
        command.add_argument(name, metavar=name.upper())
    command.add_argument(
        "--month", type=_month, metavar="YYYY-MM", help="a month ahead, or a past one to follow"
    )
    command.add_argument("--json", action="store_true", help="everything, as JSON")
    command.set_defaults(run_command=_explain)


def _explain(options: argparse.Namespace, settings: Settings) -> None:
    """Print what is behind a number. Raises `IncompleteError` where two places disagree."""
    key = (options.merchant, options.store, options.product)
    with closing(open_store(settings.store_url)) as store:
        explained = explain(Lake(settings.lake_url), store, key, options.month)
    text = json.dumps(explained, ensure_ascii=False, indent=1)
    print(text if options.json else in_words(explained))
    wrong = sum(not check["agrees"] for check in explained["checks"])
    if wrong:
        raise IncompleteError(
            f"{wrong} of {len(explained['checks'])} numbers behind {'/'.join(key)} disagree; they "
            "are listed above: build what is older again, or restore the file that was changed"
        )


def _month(text: str) -> date:
    return date.fromisoformat(f"{text}-01")
