"""A token's bucket: it empties, refills, is counted over processes, and is nobody else's."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from api import limits
from api.errors import TooManyRequestsError
from api.limits import Buckets, RateLimit
from etl.errors import SettingError

MUG = "/v1/stores/S1/products/MUG/forecast"


class Clock:
    def __init__(self, now=1000.0):
        self.now = now

    def __call__(self):
        return self.now


def granted(limit, token, tries):
    """How many of so many requests pass."""
    passed = 0
    for _ in range(tries):
        try:
            limit.take(token)
        except TooManyRequestsError:
            continue
        passed += 1
    return passed


def test_a_bucket_empties_and_refills_steadily():
    clock = Clock()
    limit = RateLimit(per_second=2, burst=4, clock=clock)
    assert granted(limit, "t", 6) == 4
    with pytest.raises(TooManyRequestsError, match=r"2 requests a second and 4 at once"):
        limit.take("t")
    clock.now += 1.0
    assert granted(limit, "t", 6) == 2
    clock.now += 3600
    assert granted(limit, "t", 6) == 4
    assert granted(limit, "another", 6) == 4


def test_one_token_is_counted_over_all_processes_that_share_the_file(tmp_path):
    file, clock = str(tmp_path / "limits"), Clock()
    first, second = (RateLimit(1, 5, clock, Buckets(file)) for _ in range(2))
    assert granted(first, "t", 3) == 3
    assert granted(second, "t", 3) == 2
    assert granted(first, "t", 1) == 0
    assert granted(RateLimit(1, 5, clock), "t", 9) == 5


def test_workers_of_one_server_share_a_tokens_limit(
    published, settings, token_of, make_client, tmp_path
):
    headers = token_of("M1")
    narrow = replace(
        settings, requests_per_second=0.5, request_burst=3, limits_file=str(tmp_path / "limits")
    )
    with make_client(narrow) as one, make_client(narrow) as other:
        answers = [client.get(MUG, headers=headers) for client in (one, other, one, other)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]


def test_tokens_that_fall_on_the_same_places_keep_their_own(monkeypatch):
    monkeypatch.setattr(limits, "_PLACES", limits._NEAR + 1)
    clock = Clock()
    limit = RateLimit(per_second=1, burst=3, clock=clock)
    names = [f"token {number}" for number in range(limits._NEAR)]
    assert [granted(limit, name, 2) for name in names] == [2] * len(names)
    assert [granted(limit, name, 2) for name in names] == [1] * len(names)
    clock.now += 10
    assert granted(limit, "one more", 9) == 3


def test_moments_of_a_clock_that_began_anew_lock_nobody_out(tmp_path):
    file = str(tmp_path / "limits")
    assert granted(RateLimit(1, 3, Clock(9e6), Buckets(file)), "t", 5) == 3
    assert granted(RateLimit(1, 3, Clock(4.0), Buckets(file)), "t", 5) == 3


def test_a_file_that_cannot_be_made_is_told(tmp_path):
    with pytest.raises(SettingError, match=re.escape(f"{tmp_path}/none/limits: No such file")):
        Buckets(str(tmp_path / "none" / "limits"))
