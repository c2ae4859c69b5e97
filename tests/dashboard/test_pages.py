"""The shell and the files of the dashboard, as the server sends them."""

from __future__ import annotations

import re
import urllib.error
import urllib.request

import pytest


@pytest.fixture
def get(served):
    """Body and headers of an address."""

    def read(path, **headers):
        request = urllib.request.Request(f"{served.url}{path}", headers=headers)
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.read().decode(), response.headers

    return read


@pytest.mark.parametrize("path", ["/", "/products", "/stores/S1/products/A/B", "/sign-in"])
def test_every_address_of_the_dashboard_answers_with_the_shell(get, path):
    body, headers = get(path)

    assert '<div id="app">' in body
    assert headers["cache-control"] == "no-cache"


def test_the_policy_lets_nothing_in_but_our_own_files(get):
    body, headers = get("/")
    policy = headers["content-security-policy"]

    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy and "http" not in policy
    assert not re.search(r"<script(?![^>]*src=)|<style|\son\w+=|\sstyle=|https?://", body)


def test_files_are_kept_until_one_changes(get):
    body, _ = get("/")
    address = re.search(r'src="([^"]+main\.js)"', body)[1]
    _, headers = get(address)
    _, old = get(re.sub(r"/dashboard/\w+/", "/dashboard/0/", address))

    assert headers["cache-control"] == "public, max-age=31536000, immutable"
    assert headers["content-type"].startswith("text/javascript")
    assert old["cache-control"] == "no-cache"


def test_every_module_that_a_script_imports_is_named_in_the_shell(get):
    body, _ = get("/")
    named = re.findall(r'rel="modulepreload" href="([^"]+)"', body)

    assert len(named) > 20
    for address in named:
        script, _ = get(address)
        folder = address.rsplit("/", 1)[0]
        for imported in re.findall(r'from "(\.[^"]+)"', script):
            with_folder = re.sub(r"/\./", "/", f"{folder}/{imported}")
            while "/../" in with_folder:
                with_folder = re.sub(r"/[^/]+/\.\./", "/", with_folder, count=1)
            assert with_folder in named, f"{address} imports {imported}"


def test_the_shell_is_not_sent_twice(get, served):
    _, headers = get("/")
    with pytest.raises(urllib.error.HTTPError, match="304"):
        get("/", **{"If-None-Match": headers["etag"]})


def test_a_file_that_is_not_there_is_a_problem_document(get):
    with pytest.raises(urllib.error.HTTPError, match="404") as error:
        get("/dashboard/0/js/none.js")

    assert error.value.headers["content-type"] == "application/problem+json"
