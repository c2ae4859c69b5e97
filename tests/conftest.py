"""What tests of several rooms share: the emulators of Azure Blob Storage and of MongoDB."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from secantus import SecantusDBServer

# The emulator's published account; it guards nothing.
_AZURITE_ACCOUNT = "devstoreaccount1"
_AZURITE_KEY = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)

# A shell that starts the tests in the background leaves SIGINT ignored; programs under test, which
# are ended by it, would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def mongo_server(tmp_path_factory):
    """The address of a MongoDB server: MONGODB_URI, or one of the tests' own."""
    if uri := os.environ.get("MONGODB_URI"):
        yield uri
        return
    folder = tmp_path_factory.mktemp("secantus")
    with SecantusDBServer(storage_path=str(folder)) as server:
        yield server.uri


@pytest.fixture(scope="session")
def azurite(tmp_path_factory) -> Iterator[str]:
    """The connection string of a running emulator of Azure Blob Storage."""
    if shutil.which("npm") is None:
        pytest.skip("needs npm, which installs the emulator of Azure Blob Storage")
    command = _azurite_command()
    port, folder = _free_port(), tmp_path_factory.mktemp("azurite")
    options = ["--blobHost", "127.0.0.1", "--blobPort", str(port), "--location", str(folder)]
    flags = ["--silent", "--disableTelemetry", "--skipApiVersionCheck"]
    with subprocess.Popen([command, *options, *flags], stdout=subprocess.DEVNULL) as process:
        try:
            _wait_for(port, process)
            yield (
                f"DefaultEndpointsProtocol=http;AccountName={_AZURITE_ACCOUNT};"
                f"AccountKey={_AZURITE_KEY};"
                f"BlobEndpoint=http://127.0.0.1:{port}/{_AZURITE_ACCOUNT};"
            )
        finally:
            process.terminate()


@pytest.fixture
def blob_path(azurite, monkeypatch) -> str:
    """A path of its own in the emulator, whose account the environment tells."""
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", azurite)
    return uuid.uuid4().hex


def _azurite_command() -> str:
    """The emulator's command, installed once for this checkout."""
    folder = Path(__file__).parents[1] / ".cache" / "azurite"
    command = folder / "node_modules" / ".bin" / "azurite-blob"
    if not command.exists():
        folder.mkdir(parents=True, exist_ok=True)
        install = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder)]
        subprocess.run([*install, "azurite@3.35.0"], check=True, capture_output=True, timeout=300)
    return str(command)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait_for(port: int, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError(f"the emulator of Azure Blob Storage did not start on port {port}")
