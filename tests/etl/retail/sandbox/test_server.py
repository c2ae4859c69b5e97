"""The command `sandbox`: tokens, its address, and what it says when it cannot start."""

import argparse
import json
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import httpx
import pytest

from etl.errors import InputError
from etl.retail.sandbox import (
    Behaviour,
    add_commands,
    read_history,
    sandbox_app,
    sandbox_tokens,
    serve,
)
from etl.settings import Settings


def run(*arguments: str) -> None:
    parser = argparse.ArgumentParser()
    add_commands(parser.add_subparsers())
    chosen = parser.parse_args(["sandbox", *arguments])
    chosen.run(chosen, Settings())


def test_tokens_are_printed_as_the_connectors_take_them(
    folders: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    run("--orders", str(folders[".csv"]), "--seed", "3", "--print-tokens")
    printed = json.loads(capsys.readouterr().out)
    assert printed == sandbox_tokens(["shop", "other"], seed=3)
    assert len(set(printed.values())) == 2


def test_tokens_of_other_seeds_differ() -> None:
    assert sandbox_tokens(["shop"], 1) == sandbox_tokens(["shop"], 1)
    assert sandbox_tokens(["shop"], 1) != sandbox_tokens(["shop"], 2)


def test_served_by_a_process_of_its_own_with_the_clock_where_it_was_put(
    folders: dict[str, Path],
) -> None:
    script = textwrap.dedent(f"""
        from etl.retail.sandbox import Behaviour, serve
        serve({str(folders[".parquet"])!r}, port=0, behaviour=Behaviour(now="2026-04-02T00:00:00Z"))
    """)
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        ready = process.stdout.readline()
        assert "6 orders of 3 stores; its clock stands at 2026-04-02T00:00:00.000Z" in ready
        address = ready.split()[2].rstrip(":")
        assert httpx.get(f"{address}/sandbox/clock").json() == {"now": "2026-04-02T00:00:00.000Z"}
    finally:
        process.terminate()
        process.communicate(timeout=20)


def test_clock_starts_at_the_last_that_happened(folders: dict[str, Path]) -> None:
    app = sandbox_app(read_history(folders[".parquet"]), Behaviour())
    assert str(app.state.marketplace.clock) == "2026-04-10T15:00:00.000Z"


def test_taken_port_is_named(folders: dict[str, Path]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"cannot listen on 127.0.0.1:{port}: .*--port"):
            serve(str(folders[".parquet"]), port=port)


def test_port_that_is_none_is_named(folders: dict[str, Path]) -> None:
    with pytest.raises(InputError, match=r"127\.0\.0\.1:99999: a port is 0 to 65535; give another"):
        serve(str(folders[".parquet"]), port=99999)
