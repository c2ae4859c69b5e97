"""The quarantine: lines that were refused at the door, counted, kept with reason and document.

Bad orders are counted and the rest goes on, up to a share: above `quarantine_limit` of a
merchant's lines the month is not built. Lines that are refused by rule (fees, unpaid orders; see
`etl.door.BY_RULE`) are no errors and do not count against it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date

import pyarrow as pa

from etl.door import BY_RULE
from etl.errors import QuarantineLimitError
from etl.lake import Lake
from etl.ledger import DayManifest, day_folder, days_between, read_days
from etl.registry import Store
from etl.tables import QUARANTINE

__all__ = ["count_refusals", "read_quarantine", "refuse_bad_month"]


def count_refusals(days: Iterable[DayManifest]) -> dict[str, dict[str, int]]:
    """Refused lines and their units by reason code, over the days."""
    lines: Counter[str] = Counter()
    units: Counter[str] = Counter()
    for day in days:
        for code, count in day.refused.items():
            lines[code] += count["lines"]
            units[code] += count["units"]
    return {code: {"lines": lines[code], "units": units[code]} for code in sorted(lines)}


def read_quarantine(lake: Lake, stores: Iterable[Store], start: date, end: date) -> pa.Table:
    """QUARANTINE of the stores' days from start to end, both included."""
    found = []
    for store in stores:
        for day in read_days(lake, [store], days_between(start, end)):
            if "quarantine" in day.files:
                path = f"{day_folder(store, day.day)}/{day.files['quarantine']}"
                found.append(lake.read_table(path))
    return pa.concat_tables(found) if found else QUARANTINE.empty()


def refuse_bad_month(month: date, days: Iterable[DayManifest], limit: float) -> None:
    """Raise `QuarantineLimitError` where too many lines of a merchant were refused by error."""
    by_merchant: dict[str, list[DayManifest]] = {}
    for day in days:
        by_merchant.setdefault(day.merchant_id, []).append(day)
    for merchant, pulled in sorted(by_merchant.items()):
        _refuse_bad_merchant(month, merchant, pulled, limit)


def _refuse_bad_merchant(month: date, merchant: str, days: list[DayManifest], limit: float) -> None:
    errors = {
        code: count["lines"] for code, count in count_refusals(days).items() if code not in BY_RULE
    }
    refused = sum(errors.values())
    lines = refused + sum(day.lines for day in days)
    if refused <= limit * lines:
        return
    worst = sorted(errors.items(), key=lambda error: (-error[1], error[0]))[:3]
    raise QuarantineLimitError(
        f"{month:%Y-%m} is not built: {refused} of {lines} order lines of merchant {merchant} are "
        f"in quarantine ({refused / lines:.1%}, the limit is {limit:.1%}); most often "
        f"{', '.join(f'{code} ({count})' for code, count in worst)}. Look at them with "
        f"`python -m etl quarantine list --month {month:%Y-%m} --merchant {merchant}`; mend the "
        "source and pull the days again, or raise STORECAST_QUARANTINE_LIMIT if they are right"
    )
