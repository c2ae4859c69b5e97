"""The page of benchmarks: each script owns one section of it, between two comments."""

from __future__ import annotations

import os
import re
from datetime import date
from pathlib import Path

__all__ = ["circumstances", "put_section", "table_of"]

PAGE = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"


def table_of(rows: list[dict]) -> str:
    """Rows as a Markdown table, a column for each key."""
    lines = [list(rows[0]), ["---"] * len(rows[0]), *(list(row.values()) for row in rows)]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def circumstances() -> str:
    """When, on how many cores, and how busy the machine was besides (its load over 15 minutes)."""
    cores, load = len(os.sched_getaffinity(0)), os.getloadavg()[2]
    return f"{date.today():%Y-%m-%d}, {cores} cores, load average {load:.1f}."


def put_section(name: str, title: str, text: str) -> None:
    """Put the text in place of that section of the page, or at its end."""
    section = f"<!-- {name} -->\n## {title}\n{text}\n<!-- /{name} -->"
    before = PAGE.read_text() if PAGE.exists() else "# Benchmarks\n"
    kept = re.sub(rf"\n*<!-- {name} -->.*?<!-- /{name} -->", "", before, flags=re.DOTALL)
    PAGE.write_text(f"{kept.rstrip()}\n\n{section}\n")
