"""The dashboard's shell and its files, under a strict Content-Security-Policy.

Every address of the dashboard answers with the same shell; its scripts show what the address names
and ask the same API as everybody, so that a page holds no number that the JSON does not. The files
are small and ours: no inline script or style, no font or library from elsewhere. Their address
carries the fingerprint of them all, so that a browser keeps them until one changes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from string import Template

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.dashboard.bundle import script_of, styles_of
from api.errors import NotFoundError
from api.responses import tag_matches

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

_FOLDER = Path(__file__).parent
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
_SCRIPT, _STYLES = "js/dashboard.js", "css/dashboard.css"
_FOR_EVER = "public, max-age=31536000, immutable"


@router.get("/")
@router.get("/sign-in")
@router.get("/days")
@router.get("/products")
@router.get("/reports")
@router.get("/stores/{store_id}/products/{product_id:path}")
def page(request: Request) -> Response:
    """The shell; its scripts show the page that the address names."""
    body, etag = _shell()
    headers = {"cache-control": "no-cache", "etag": etag, "content-security-policy": _POLICY}
    if tag_matches(etag, request.headers.get("if-none-match")):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type="text/html; charset=utf-8")


@router.get("/dashboard/{version}/{path:path}")
def file(version: str, path: str) -> Response:
    """A style sheet, script, dictionary or picture of the dashboard."""
    content = _files().get(path)
    if content is None:
        raise NotFoundError(f"the dashboard has no file {path!r}")
    kept = _FOR_EVER if version == _version() else "no-cache"
    headers = {"cache-control": kept, "content-security-policy": _POLICY}
    return Response(content, headers=headers, media_type=_TYPES[Path(path).suffix])


@cache
def _files() -> Mapping[str, bytes]:
    """Every file below `static`, by its path there, and all scripts and styles as one each."""
    static = _FOLDER / "static"
    files = {
        found.relative_to(static).as_posix(): found.read_bytes()
        for found in sorted(static.rglob("*"))
        if found.suffix in _TYPES
    }
    files[_SCRIPT] = script_of(_sources(files, ".js")).encode()
    files[_STYLES] = styles_of(_sources(files, ".css")).encode()
    return files


def _sources(files: Mapping[str, bytes], suffix: str) -> dict[str, str]:
    return {path: content.decode() for path, content in files.items() if path.endswith(suffix)}


@cache
def _version() -> str:
    """The fingerprint of all files."""
    digest = hashlib.sha256()
    for path, content in _files().items():
        digest.update(f"{path}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:12]


@cache
def _shell() -> tuple[bytes, str]:
    """The page with the addresses of its files, and its tag."""
    addresses = {
        "icon": f"/dashboard/{_version()}/icon.svg",
        "styles": f"/dashboard/{_version()}/{_STYLES}",
        "script": f"/dashboard/{_version()}/{_SCRIPT}",
    }
    text = (_FOLDER / "shell.html").read_text(encoding="utf-8")
    body = Template(text).substitute(addresses).encode()
    return body, f'"{hashlib.sha256(body).hexdigest()[:16]}"'
