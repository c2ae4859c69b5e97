"""What is there is documented, and what is documented is there."""

from __future__ import annotations

import ast
import re
from dataclasses import fields
from pathlib import Path

import pytest

from etl.settings import PREFIX, Settings

PROJECT = Path(__file__).resolve().parents[1]
PAGES = sorted([PROJECT / "README.md", *(PROJECT / "docs").rglob("*.md")])


def rows_of(page: str) -> list[str]:
    return [line for line in (PROJECT / page).read_text().splitlines() if line.startswith("| `")]


@pytest.mark.parametrize("setting", fields(Settings), ids=lambda setting: setting.name)
def test_each_setting_is_documented_with_its_default(setting):
    row = table_row(setting)
    assert row in rows_of("docs/settings.md"), f"docs/settings.md needs the line\n{row}"


def table_row(setting) -> str:
    """The line of docs/settings.md that a setting must have; bars are escaped as Markdown asks."""
    default = f"`{setting.default}`" if setting.default != "" else "empty"
    cells = [f"`{PREFIX}{setting.name.upper()}`", default, setting.metadata["meaning"]]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def test_no_setting_is_documented_that_is_gone():
    known = {table_row(setting) for setting in fields(Settings)}
    assert set(rows_of("docs/settings.md")) <= known


def dag_ids() -> list[str]:
    found = []
    for file in sorted((PROJECT / "dags").glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.keyword) and node.arg == "dag_id":
                found.append(ast.literal_eval(node.value))
    return found


def test_each_dag_and_pool_is_explained_to_operators():
    page = (PROJECT / "docs" / "operations.md").read_text()
    pools = re.findall(r'^ "(\w+)": \{', (PROJECT / "dags" / "pools.json").read_text(), re.M)
    assert len(dag_ids()) >= 3
    assert pools
    for name in [*dag_ids(), *pools]:
        assert f"`{name}`" in page, name


def test_every_error_is_explained_to_operators():
    page = (PROJECT / "docs" / "operations.md").read_text()
    tree = ast.parse((PROJECT / "etl" / "errors.py").read_text())
    kinds = [node.name for node in tree.body if isinstance(node, ast.ClassDef)]
    for kind in set(kinds) - {"StorecastError", "SourceError"}:
        assert f"`{kind}`" in page, kind


def test_each_make_target_named_in_the_readme_is_there_and_has_help():
    readme = (PROJECT / "README.md").read_text()
    named = set(re.findall(r"make ([a-z-]+)(?=[\s`])", readme)) - {"nothing"}
    helped = set(re.findall(r"^([a-z-]+):.*## ", (PROJECT / "Makefile").read_text(), re.M))
    assert {"run", "test"} <= named
    assert named <= helped


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_benchmark_that_a_page_names_is_there(page):
    for name in re.findall(r"\b(bench_\w+\.py|large_run\.py)", page.read_text()):
        assert (PROJECT / "tests" / "bench" / name).exists(), f"{page.name} names {name}"
