"""The shell and the files of the dashboard, as the server sends them."""

from __future__ import annotations

import re
import urllib.error
import urllib.request

import pytest


@pytest.fixture
def get(served):
    """Body and headers of an address; where it is refused, the status stands for the body."""

    def read(path, **headers):
        request = urllib.request.Request(f"{served.url}{path}", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return response.read().decode(), response.headers
        except urllib.error.HTTPError as error:
            error.close()
            return error.status, error.headers

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
    address = re.search(r'src="([^"]+dashboard\.js)"', body)[1]
    _, headers = get(address)
    _, old = get(re.sub(r"/dashboard/\w+/", "/dashboard/0/", address))

    assert headers["cache-control"] == "public, max-age=31536000, immutable"
    assert headers["content-type"].startswith("text/javascript")
    assert old["cache-control"] == "no-cache"


def test_the_shell_is_not_sent_twice(get):
    _, headers = get("/")
    answer, _ = get("/", **{"If-None-Match": headers["etag"]})

    assert answer == 304


def test_a_file_that_is_not_there_is_a_problem_document(get):
    answer, headers = get("/dashboard/0/js/none.js")

    assert (answer, headers["content-type"]) == (404, "application/problem+json")
