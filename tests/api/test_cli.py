"""`python -m api`: publish, roll back, list, issue and revoke tokens, by hand."""

from __future__ import annotations

import json

import pytest

from api.__main__ import main
from api.auth import Gate


@pytest.fixture
def command(lake, settings, monkeypatch, capsys):
    """Runs a command over the small lake; answers its status, output and errors."""
    monkeypatch.setenv("STORECAST_LAKE_URL", lake.url)
    monkeypatch.setenv("STORECAST_STORE_URL", settings.store_url)

    def run(*arguments):
        status = main(arguments)
        told = capsys.readouterr()
        return status, told.out, told.err

    return run


def test_publish_runs_and_rollback(command, lake, write):
    write.small_run(lake, "2026-10.2", factor=2.0)
    status, out, _ = command("publish", "--run", "2026-10.1")
    assert status == 0 and json.loads(out)["series"] == 5
    command("publish", "--run", "2026-10.2")

    _, out, _ = command("runs")
    runs = [json.loads(line) for line in out.splitlines()]
    assert [(run["run_id"], run["serving"]) for run in runs] == [
        ("2026-10.1", False),
        ("2026-10.2", True),
    ]
    _, out, _ = command("rollback")
    assert json.loads(out) == {"run_id": "2026-10.1", "instead_of": "2026-10.2"}
    _, out, _ = command("audit")
    assert [json.loads(line)["action"] for line in out.splitlines()] == [
        "run published",
        "run published",
        "run rolled back",
    ]


def test_token_issue_prints_the_token_alone(command, store, settings):
    status, out, _ = command("token", "issue", "--merchant", "M1", "--store", "S1")
    token = out.strip()
    assert status == 0 and out == f"{token}\n" and " " not in token
    principal = Gate(store, settings).by_token(token)
    assert (principal.role, principal.merchant_id) == ("merchant", "M1")
    assert principal.stores == frozenset({"S1"})

    _, out, _ = command("token", "list")
    (listed,) = [json.loads(line) for line in out.splitlines()]
    assert token not in out and listed["expires_at"] is not None
    _, out, _ = command("token", "revoke", listed["token_id"])
    assert json.loads(out)["revoked_at"] is not None
    _, out, _ = command("audit")
    assert token not in out and '"token issued"' in out and '"token revoked"' in out


def test_platform_tokens_belong_to_no_merchant(command, store, settings):
    _, out, _ = command("token", "issue", "--role", "analyst", "--days", "0")
    principal = Gate(store, settings).by_token(out.strip())
    assert (principal.role, principal.merchant_id, principal.expires_at) == ("analyst", None, None)
    status, out, err = command("token", "issue", "--role", "analyst", "--merchant", "M1")
    assert status == 2 and out == "" and "belongs to no merchant" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["publish", "--run", "2026-09.1"], "manifest.json cannot be read"),
        (["publish", "--run", "last"], "as in 2026-10.1; found 'last'"),
        (["rollback"], "no earlier run"),
        (["token", "issue"], "a merchant token needs --merchant"),
        (["token", "revoke", "abc"], "no token 'abc'"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(command, arguments, message):
    status, out, err = command(*arguments)
    assert status == 2 and out == ""
    assert message in err and "Traceback" not in err and err.count("\n") == 1


def test_a_store_that_cannot_be_opened_is_told(command, monkeypatch):
    monkeypatch.setenv("STORECAST_STORE_URL", "sqlite:////proc/nothing/store.sqlite")
    status, _, err = command("runs")
    assert status == 2 and "/proc/nothing" in err
