import logging
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from etl.errors import SourceError, SourceUnreachableError
from etl.retail.connection import BusyError, Connection, FaultError


@pytest.fixture
def ask():
    """Asks a service that gives these answers in turn; returns the answer and the pauses."""

    def run(*answers):
        slept, left = [], iter(answers)
        client = httpx.Client(transport=httpx.MockTransport(lambda _: next(left)))
        connection = Connection(
            "http://market.example/", "M1", {"X": "secret"}, sleep=slept.append, client=client
        )
        return connection.get("/x"), slept

    return run


OK = httpx.Response(200, json={"price": 0.10})


def test_pauses_after_failures_grow_and_differ(ask):
    answer, slept = ask(*[httpx.Response(503)] * 7, OK)
    assert str(answer["price"]) == "0.1"
    assert len(set(slept)) == 7
    assert all(pause <= 0.2 * 2**n for n, pause in enumerate(slept))


def test_the_wait_that_is_asked_for_is_kept(ask):
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    busy = [
        httpx.Response(429, headers={"Retry-After": text}) for text in ("3", soon, "later", "-1")
    ]
    _, slept = ask(*busy, OK)
    assert slept[0] == 3
    assert 25 < slept[1] <= 30
    assert slept[2:] == [1, 0]


def test_being_asked_to_wait_is_no_failure(ask):
    _, slept = ask(*[httpx.Response(429, headers={"Retry-After": "1"})] * 50, OK)
    assert slept == [1] * 50


def test_a_body_that_is_no_json_is_asked_for_again(ask):
    answer, _ = ask(httpx.Response(200, content=b'{"price": 1'), OK)
    assert answer is not None


def test_a_token_that_the_marketplace_repeats_stands_in_no_message(ask):
    said = {"message": "the key secret is not known here"}
    for status in (401, 404):
        with pytest.raises(SourceError, match="the key … is not known here"):
            ask(httpx.Response(status, json=said))


def test_an_address_without_scheme_is_refused_with_the_setting():
    with pytest.raises(SourceUnreachableError, match=r"SOURCE_URL"):
        Connection("market", "M1", {}, sleep=lambda _: None).get("/x")


def test_the_token_is_in_no_message_and_no_log(ask, caplog):
    caplog.set_level(logging.DEBUG)
    with pytest.raises(SourceUnreachableError) as raised:
        ask(*[httpx.Response(500)] * 8)
    assert "secret" not in str(raised.value)
    assert "secret" not in caplog.text


def test_an_answer_that_only_trickles_in_is_asked_for_again():
    seconds = iter(range(0, 10_000, 50))

    class Trickle(httpx.SyncByteStream):
        def __iter__(self):
            yield from (b"{", b'"price"', b": 1", b"}")

    answers = iter([httpx.Response(200, stream=Trickle()), OK])
    connection = Connection(
        "http://market.example",
        "M1",
        {},
        sleep=lambda _: None,
        clock=lambda: next(seconds),
        client=httpx.Client(transport=httpx.MockTransport(lambda _: next(answers))),
    )
    assert str(connection.get("/x")["price"]) == "0.1"
    assert next(answers, None) is None


def test_a_verdict_on_an_answer_counts_as_its_status_would():
    answers = iter([{"busy": 3}, {"fault": True}, {"fine": True}])
    slept = []

    def verdict(answer):
        if "busy" in answer:
            raise BusyError(answer["busy"])
        if "fault" in answer:
            raise FaultError("it is at fault")

    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=next(answers)))
    client = httpx.Client(transport=transport)
    connection = Connection("http://m.example", "M1", {}, sleep=slept.append, client=client)
    assert connection.post("/x", {}, verdict=verdict) == {"fine": True}
    assert slept[0] == 3
    assert len(slept) == 2
