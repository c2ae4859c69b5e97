"""Alerts arrive by webhook and by mail, once a day, without a secret in them."""

from __future__ import annotations

import base64
import email
import json
import socketserver
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email import policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest

from dags import messengers
from dags.__main__ import main
from dags.alerts import RUNBOOK, Alert, redacted, tell
from etl.errors import QuarantineLimitError
from etl.lake import Lake
from etl.settings import Settings

NOW = datetime(2026, 11, 3, 7, tzinfo=UTC)
ALERT = Alert("days_missing", "3 days are missing in 1 of 2 stores", ("M1/S1: 2026-10-01",))


@contextmanager
def served(server):
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def webhook():
    """An HTTP receiver: `got` holds what was posted, `answers` what to answer (200 at the end)."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            length = int(self.headers["content-length"])
            self.server.got.append(json.loads(self.rfile.read(length)))
            self.send_response(self.server.answers.pop(0) if self.server.answers else 200)
            self.end_headers()

        def log_message(self, *_):
            pass

    with served(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as server:
        server.got, server.answers = [], []
        server.url = f"http://127.0.0.1:{server.server_port}/hooks/T0P-SECRET"
        yield server


@pytest.fixture
def mailbox():
    """An SMTP receiver: `mails` holds what came, `signed_in` who said so."""

    class Handler(socketserver.StreamRequestHandler):
        def say(self, line):
            self.wfile.write(f"{line}\r\n".encode())

        def handle(self):
            self.say("220 ready")
            while line := self.rfile.readline().decode().strip():
                word = line.split()[0].upper()
                if word == "EHLO":
                    self.say("250-here")
                    self.say("250 AUTH PLAIN")
                elif word == "AUTH":
                    told = base64.b64decode(line.split()[2]).decode().split("\0")
                    self.server.signed_in.append(told[1:])
                    self.say("235 welcome")
                elif word == "DATA":
                    self.say("354 go on")
                    lines = iter(self.rfile.readline, b".\r\n")
                    mail = email.message_from_bytes(b"".join(lines), policy=policy.default)
                    self.server.mails.append(mail)
                    self.say("250 taken")
                elif word == "QUIT":
                    self.say("221 bye")
                    return
                else:
                    self.say("250 fine")

    with served(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)) as server:
        server.daemon_threads = True
        server.mails, server.signed_in = [], []
        server.address = f"127.0.0.1:{server.server_address[1]}"
        yield server


@pytest.fixture
def settings(tmp_path):
    def make(**more):
        return Settings(lake_url=str(tmp_path / "lake"), **more)

    return make


def test_a_webhook_gets_the_alert_and_what_to_do(webhook, settings):
    assert tell([ALERT], settings(alert_webhook=webhook.url), NOW) == 0
    (got,) = webhook.got
    assert (got["code"], got["what"], got["at"]) == (
        "days_missing",
        "3 days are missing in 1 of 2 stores",
        "2026-11-03T07:00:00+00:00",
    )
    assert got["details"] == ["M1/S1: 2026-10-01"]
    assert "python -m etl ledger" in got["runbook"]
    assert got["text"].startswith("Storecast days_missing: 3 days")


def test_a_mail_says_the_same_to_everyone_named(mailbox, settings):
    server = f"smtp://storecast:p%40ssword@{mailbox.address}"
    mail_settings = settings(alert_smtp=server, alert_to="ana@shop.test, luis@shop.test")
    assert tell([ALERT], mail_settings, NOW) == 0
    (mail,) = mailbox.mails
    assert mail["Subject"] == "Storecast: days_missing: 3 days are missing in 1 of 2 stores"
    assert mail["To"] == "ana@shop.test, luis@shop.test"
    assert "What to do: See `python -m etl ledger`" in mail.get_content()
    assert mailbox.signed_in == [["storecast", "p@ssword"]]


def test_a_password_is_never_sent_in_clear_over_a_network(mailbox, settings, monkeypatch, caplog):
    monkeypatch.setattr(messengers, "_LOOPBACK", set())
    server = f"smtp://storecast:password@{mailbox.address}"
    assert tell([ALERT], settings(alert_smtp=server, alert_to="ana@shop.test"), NOW) == 1
    assert mailbox.signed_in == mailbox.mails == []
    assert "offers no TLS; the password is not sent in clear" in caplog.text


def test_the_same_alert_is_sent_once_a_day(webhook, settings):
    for hours in (0, 5, 24):
        tell([ALERT], settings(alert_webhook=webhook.url), NOW + timedelta(hours=hours))
    assert [got["at"][8:13] for got in webhook.got] == ["03T07", "04T07"]
    tell([Alert("days_missing", "4 days are missing")], settings(alert_webhook=webhook.url), NOW)
    assert len(webhook.got) == 3


def test_an_alert_that_did_not_arrive_is_sent_again(webhook, settings, caplog):
    webhook.answers = [503] * 3
    assert tell([ALERT], settings(alert_webhook=webhook.url), NOW) == 1
    assert "the webhook at 127.0.0.1 did not take it: it answered 503" in caplog.text
    assert tell([ALERT], settings(alert_webhook=webhook.url), NOW) == 0
    assert len(webhook.got) == 4


def test_one_way_that_is_closed_does_not_stop_the_other(webhook, mailbox, settings):
    webhook.answers = [404]
    both = settings(
        alert_webhook=webhook.url, alert_smtp=f"smtp://{mailbox.address}", alert_to="a@b.test"
    )
    assert tell([ALERT], both, NOW) == 1
    assert (len(webhook.got), len(mailbox.mails)) == (1, 1)


def test_a_lake_that_cannot_be_written_does_not_keep_an_alert_back(webhook, tmp_path):
    (tmp_path / "file").write_text("in the way")
    broken = Settings(lake_url=str(tmp_path / "file"), alert_webhook=webhook.url)
    assert tell([ALERT], broken, NOW) == 0
    assert len(webhook.got) == 1


def test_every_alert_is_kept_in_the_lake(settings):
    tell([ALERT], settings(), NOW)
    lake = Lake(settings().lake_url)
    (path,) = lake.paths("alerts/code=days_missing")
    assert lake.read_json(path)["what"] == ALERT.what


def test_no_secret_stands_in_a_message(webhook, settings, caplog):
    told = settings(
        alert_webhook=webhook.url,
        airflow_password="air-secret",
        source_tokens='{"M1": "APP_USR-1234", "M2": {"token": "shp_5678", "url": "https://a.test"}}',
    )
    words = (
        "mongodb://me:word@db.test/x said no to APP_USR-1234, shp_5678, air-secret, "
        f"Authorization: Bearer abc.def.ghi, {webhook.url}"
    )
    tell([Alert("task_failed", words, (words,))], told, NOW)
    everything = json.dumps(webhook.got) + caplog.text
    for secret in ("word@", "APP_USR", "shp_5678", "air-secret", "abc.def", "T0P-SECRET"):
        assert secret not in everything
    assert "mongodb://…@db.test/x said no to" in everything
    assert redacted("https://a.test/plain?x=1", told) == "https://a.test/plain?x=1"


def test_tokens_of_a_mounted_file_stand_in_no_message_either(settings, tmp_path):
    file = tmp_path / "tokens.json"
    file.write_text('{"M1": "APP_USR-1234"}')
    assert redacted("refused: APP_USR-1234", settings(source_tokens=str(file))) == "refused: …"
    assert redacted("refused", settings(source_tokens="nowhere.json")) == "refused"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"alert_webhook": "ftp://x"}, "STORECAST_ALERT_WEBHOOK must be http://… or https://…"),
        ({"alert_smtp": "mail.test:25"}, "STORECAST_ALERT_SMTP must be smtp://… or smtps://…"),
        ({"alert_smtp": "smtp://mail.test"}, "needs STORECAST_ALERT_TO"),
    ],
)
def test_an_address_that_cannot_be_used_is_said_and_stops_nothing(more, message, settings, caplog):
    assert tell([ALERT], settings(**more), NOW) == 1
    assert message in caplog.text


def test_an_address_may_stand_in_a_file(webhook, settings, tmp_path):
    (tmp_path / "hook").write_text(webhook.url + "\n")
    assert tell([ALERT], settings(alert_webhook=str(tmp_path / "hook")), NOW) == 0
    assert len(webhook.got) == 1


def test_alerts_can_be_tried_by_hand(webhook, settings, monkeypatch, capsys):
    monkeypatch.setenv("STORECAST_LAKE_URL", settings().lake_url)
    monkeypatch.setenv("STORECAST_ALERT_WEBHOOK", webhook.url)
    assert main(["alert"]) == 0
    assert capsys.readouterr().out == "1 ways are set up; all took it\n"
    assert webhook.got[0]["code"] == "test"


@pytest.mark.parametrize(
    ("error", "code"),
    [(QuarantineLimitError("too much"), "quarantine_limit"), (OSError("disk full"), "task_failed")],
)
def test_a_task_that_failed_for_good_tells_which_and_why(error, code, airflow_home):
    from dags.failure import alert_of

    task = SimpleNamespace(
        dag_id="forecast_sales", task_id="predict_shards", map_index=7, try_number=4
    )
    run = SimpleNamespace(run_id="asset__1", partition_key="2026-10")
    alert = alert_of({"task_instance": task, "dag_run": run, "exception": error})
    assert alert.code == code
    assert alert.what == "forecast_sales.predict_shards[7] failed for good, of 2026-10"
    assert alert.details == (f"{type(error).__name__}: {error}", "run asset__1, try 4")


def test_a_task_that_fails_in_airflow_sends_its_alert(bag, webhook, settings, monkeypatch):
    monkeypatch.setenv("STORECAST_LAKE_URL", settings().lake_url)
    monkeypatch.setenv("STORECAST_ALERT_WEBHOOK", webhook.url)
    done = bag.dags["refresh_forecasts"].test(run_conf={})
    assert done.state == "failed"
    (got,) = webhook.got
    assert got["code"] == "task_failed"
    assert "refresh_forecasts.run_refresh failed for good" in got["what"]
    assert "a run needs conf 'refresh_id'" in got["details"][0]


def test_every_alert_is_in_the_runbook():
    page = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
    for code in RUNBOOK:
        assert f"| `{code}` |" in page, code
