"""A lake on Azure Blob Storage: ``az://container/path``.

Which account, and by which right, Azure's own variables tell: `AZURE_STORAGE_CONNECTION_STRING`,
or `AZURE_STORAGE_ACCOUNT_URL` with the identity that the machine or the environment has (a managed
identity in Azure). A blob's new content is visible at once and whole when its upload is committed,
so a write is atomic; the service retries what may be retried by itself.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.identity import DefaultAzureCredential
from azure.storage.blob import BlobServiceClient, ContainerClient

from etl.errors import LakeError, SettingError

__all__ = ["Blobs", "open_container"]

_AT_ONCE = 256
"""Blobs that one batch request may remove."""


def open_container(url: str, environment: Mapping[str, str] | None = None) -> Blobs:
    """The lake at ``az://container/path``; the container is made where it does not exist.

    Raises `SettingError` where the account is not told, `LakeError` where it cannot be reached.
    """
    name, _, path = url.removeprefix("az://").partition("/")
    account = _account(url, os.environ if environment is None else environment)
    blobs = Blobs(url.rstrip("/"), account.get_container_client(name), path.strip("/"))
    blobs.make()
    return blobs


def _account(url: str, environment: Mapping[str, str]) -> BlobServiceClient:
    connection = environment.get("AZURE_STORAGE_CONNECTION_STRING")
    address = environment.get("AZURE_STORAGE_ACCOUNT_URL")
    try:
        if connection:
            return BlobServiceClient.from_connection_string(connection)
        if address:
            return BlobServiceClient(address, credential=DefaultAzureCredential())
    except ValueError:
        # The cause is left out: it may quote the key.
        raise SettingError(
            "AZURE_STORAGE_CONNECTION_STRING or AZURE_STORAGE_ACCOUNT_URL is not of Azure's shape"
        ) from None
    raise SettingError(
        f"the lake {url} needs its account: set AZURE_STORAGE_CONNECTION_STRING, or "
        "AZURE_STORAGE_ACCOUNT_URL where the machine has an identity"
    )


class Blobs:
    """The blobs of a container below a path; fulfils `etl.lake.Home`."""

    def __init__(self, url: str, container: ContainerClient, path: str) -> None:
        self._url = url
        self._container = container
        self._path = f"{path}/" if path else ""

    def make(self) -> None:
        """Make the container, unless it is there."""
        with self._said("reached"):
            try:
                self._container.create_container()
            except ResourceExistsError:
                return

    def exists(self, path: str) -> bool:
        with self._said("read", path):
            return bool(self._container.get_blob_client(self._path + path).exists())

    def names(self, prefix: str) -> Iterator[str]:
        start = self._path + (f"{prefix}/" if prefix else "")
        with self._said("listed", prefix):
            for name in self._container.list_blob_names(name_starts_with=start):
                yield name.removeprefix(self._path)

    def versions(self, prefix: str) -> Iterator[tuple[str, str]]:
        start = self._path + (f"{prefix}/" if prefix else "")
        with self._said("listed", prefix):
            for found in self._container.list_blobs(name_starts_with=start):
                yield found.name.removeprefix(self._path), str(found.etag)

    def folders(self, prefix: str) -> Iterator[str]:
        start = self._path + (f"{prefix}/" if prefix else "")
        with self._said("listed", prefix):
            for found in self._container.walk_blobs(name_starts_with=start):
                if found.name.endswith("/"):
                    yield found.name.removeprefix(start).rstrip("/")

    def read(self, path: str) -> bytes:
        with self._said("read", path):
            return self._container.download_blob(self._path + path).readall()

    def write(self, path: str, content: bytes) -> None:
        with self._said("written", path):
            self._container.upload_blob(self._path + path, content, overwrite=True)

    def move_in(self, path: str, file: Path) -> None:
        with self._said("written", path), file.open("rb") as content:
            self._container.upload_blob(self._path + path, content, overwrite=True)
        file.unlink()

    def delete(self, path: str) -> None:
        with self._said("removed", path):
            try:
                self._container.delete_blob(self._path + path)
            except ResourceNotFoundError:
                return

    def delete_folder(self, prefix: str) -> int:
        found = list(self.names(prefix))
        with self._said("removed", prefix):
            for start in range(0, len(found), _AT_ONCE):
                paths = [self._path + name for name in found[start : start + _AT_ONCE]]
                # Whoever else removes them is no error.
                for answer in self._container.delete_blobs(*paths, raise_on_any_failure=False):
                    if answer.status_code not in (202, 404):
                        raise HttpResponseError(response=answer)
        return len(found)

    def delete_unfinished(self, before: float) -> int:
        """None: what was not committed is never listed, and the service drops it after a week."""
        return 0

    def local(self, path: str) -> None:
        return None

    @contextmanager
    def _said(self, done: str, path: str = "") -> Iterator[None]:
        """Azure's errors in Storecast's words; its answers never carry the key."""
        try:
            yield
        except AzureError as error:
            what = f"{self._url}/{path}" if path else self._url
            reason = getattr(error, "error_code", None) or type(error).__name__
            raise LakeError(
                f"{what} cannot be {done} ({reason}); check the account's address, rights and "
                "network, then run this again"
            ) from error
