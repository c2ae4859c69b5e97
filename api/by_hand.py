"""Commands of `python -m api` that look through lake and store together, for a person at hand.

They are no routes: a route reads the store alone.
"""

from __future__ import annotations

import argparse
import json
from contextlib import closing
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from api.store import open_store
from etl.errors import IncompleteError, InputError
from etl.lake import Lake
from etl.settings import Settings

if TYPE_CHECKING:
    from api.forget import Found

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
    meaning = "delete everything of a merchant, everywhere, and prove it"
    command = commands.add_parser("forget", help=meaning, description=meaning)
    command.add_argument("merchant", metavar="MERCHANT")
    command.add_argument("--dry-run", action="store_true", help="only say what is there")
    command.add_argument("--yes", metavar="MERCHANT", help="the merchant again: it is for ever")
    command.set_defaults(run_command=_forget)
    meaning = "remove what is older than the settings keep it"
    command = commands.add_parser("retention", help=meaning, description=meaning)
    command.add_argument("--dry-run", action="store_true", help="only say what would go")
    command.set_defaults(run_command=_retention)


def _explain(options: argparse.Namespace, settings: Settings) -> None:
    """Print what is behind a number. Raises `IncompleteError` where two places disagree."""
    from api.lineage import explain
    from api.lineage_words import in_words

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


def _forget(options: argparse.Namespace, settings: Settings) -> None:
    """Forget a merchant, or say what would be forgotten."""
    from api.forget import find_merchant, forget

    lake, merchant = Lake(settings.lake_url), options.merchant
    with closing(open_store(settings.store_url)) as store:
        if options.dry_run:
            _print_found(find_merchant(lake, store, merchant, settings))
            return
        if options.yes != merchant:
            raise InputError(
                f"everything of {merchant} would be deleted for ever, in what was published too; "
                f"`--dry-run` shows what. If that is meant, say it again: --yes {merchant}"
            )
        receipt = forget(lake, store, merchant, settings, datetime.now(UTC))
    print(json.dumps(receipt))
    print(
        f"nothing of {merchant} is left in lake, store and request log. Not looked through: "
        "backups, packed logs, Airflow's own database and task logs, and the setting that holds "
        "the marketplace's tokens; see docs/privacy.md. Restart the API: it remembers pages"
    )


def _retention(options: argparse.Namespace, settings: Settings) -> None:
    """Remove what is too old, or say what is."""
    from api.retention import remove_old

    with closing(open_store(settings.store_url)) as store:
        lake = Lake(settings.lake_url)
        gone = remove_old(lake, store, settings, datetime.now(UTC), options.dry_run)
    for name in (
        *gone["folders"],
        *gone["files"],
        *(f"files of run {run}" for run in gone["runs"]),
    ):
        print(name)
    done = "would go" if options.dry_run else "are gone"
    print(
        f"{len(gone['folders'])} folders, {len(gone['files'])} daily models and alerts, files of "
        f"{len(gone['runs'])} runs and "
        f"{gone['log_lines']} lines of the request log {done}"
    )


def _print_found(found: Found) -> None:
    for path in found.files:
        print(path)
    for table, count in found.documents.items():
        print(f"{count} documents in {table} of the store")
    print(
        f"{len(found.files)} folders and files, {sum(found.documents.values())} documents, "
        f"{found.log_lines} lines of the request log; {found.files_read} shared files read, "
        f"{found.files_by_name} in other merchants' folders seen by name"
    )
    for path in found.mentions:
        print(f"the id also stands as a word in {path}; judge whether that is the merchant")


def _month(text: str) -> date:
    return date.fromisoformat(f"{text}-01")
