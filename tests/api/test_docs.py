"""The API is documented: every operation, command, problem and setting, and nothing else."""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

from api.__main__ import _parser
from api.errors import PROBLEMS, UNEXPECTED
from api.store.documents import SORTS
from etl.settings import PREFIX, Settings

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text()


def test_every_operation_is_documented_and_nothing_else(client):
    paths = client.get("/openapi.json").json()["paths"]
    described = {f"{m.upper()} {path}" for path, methods in paths.items() for m in methods}
    documented = set(re.findall(r"^\| `((?:GET|POST|PUT|DELETE) /\S*)` \|", PAGE, re.MULTILINE))
    assert documented == described


def test_every_query_parameter_is_named(client):
    for operations in client.get("/openapi.json").json()["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", []):
                assert (
                    f"`{parameter['name']}" in PAGE
                    or f"{{{parameter['name']}}}" in PAGE
                    or (parameter["name"] in ("merchant_id", "format"))
                ), parameter["name"]


def commands(parser, before=""):
    """Every command with its options."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, child in action.choices.items():
                yield (
                    f"{before}{name}",
                    [
                        option
                        for each in child._actions
                        for option in each.option_strings
                        if option.startswith("--") and option != "--help"
                    ],
                )
                yield from commands(child, f"{before}{name} ")


def test_every_command_and_option_is_documented():
    rows = [line for line in PAGE.splitlines() if line.startswith("| `")]
    for name, options in commands(_parser()):
        if name == "token":
            continue
        (row,) = [row for row in rows if re.match(rf"\| `{name}[ `]", row)]
        for option in options:
            assert option in row, (name, option)


def test_every_problem_is_documented():
    for kind in [*PROBLEMS.values(), UNEXPECTED]:
        assert re.search(rf"^\| {kind.status} \| `{kind.name}` \|", PAGE, re.MULTILINE), kind


def test_every_sort_and_setting_named_is_there():
    for sort in SORTS:
        assert f"`{sort}`" in PAGE
    for name in re.findall(rf"`{PREFIX}([A-Z_]+)`", PAGE):
        assert hasattr(Settings, name.lower()), name
    for setting in ("token_cache_seconds", "requests_per_second", "request_burst", "jwt_keys"):
        assert f"`{PREFIX}{setting.upper()}`" in PAGE


def test_the_fields_of_a_log_line_are_documented(client, settings):

    client.get("/healthz")
    client.__exit__()
    line = json.loads(Path(settings.request_log).read_text())
    for field in line:
        assert f"`{field}`" in PAGE, field
