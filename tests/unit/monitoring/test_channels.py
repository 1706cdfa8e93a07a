"""Webhooks and mails, received by servers on this machine."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from podium.errors import SetupError
from podium.monitoring import channels
from podium.monitoring.alerts import Alert
from podium.monitoring.alerts_file import Notice
from podium.monitoring.channels import Mail, NotSent, Webhook, channels_of
from podium.settings import read_settings


def notice(number=1, name="age") -> Notice:
    alert = Alert(
        number=7,
        model="churn",
        version="1",
        digest="aa",
        kind="drift",
        what="field",
        name=name,
        level="red",
        state="firing",
        before=0.02,
        now=0.3,
        since_us=1,
    )
    return Notice(number, "firing", alert, 0)


class Receiver(ThreadingHTTPServer):
    """Receives webhooks, and answers with a status."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status, self.received = 204, []
        self.url = f"http://127.0.0.1:{self.server_port}/hook?to=ops"


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.received.append((self.path, self.headers, body))
        self.send_response(self.server.status)
        self.send_header("location", self.server.url + "&redirected")
        self.send_header("content-length", "0")
        self.end_headers()

    def do_GET(self):
        self.server.received.append((self.path, self.headers, b""))

    def log_message(self, *_):
        """Nothing."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        yield server
        server.shutdown()


class MailServer(socketserver.ThreadingTCPServer):
    """Speaks as much SMTP as is needed to take a mail."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _MailHandler)
        self.mails, self.receivers = [], []
        self.daemon_threads = True
        self.address = f"smtp+plain://127.0.0.1:{self.server_address[1]}"


class _MailHandler(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self):
        self.reply("220 here")
        while line := self.rfile.readline().decode().strip():
            word = line[:4].upper()
            if word == "RCPT":
                self.server.receivers.append(line)
                self.reply("550 no such user" if "nobody@" in line else "250 fine")
            elif word == "DATA":
                self.reply("354 go on")
                lines = []
                while (text := self.rfile.readline().decode()) != ".\r\n":
                    lines.append(text)
                self.server.mails.append("".join(lines))
                self.reply("250 fine")
            elif word == "QUIT":
                self.reply("221 bye")
                return
            else:
                self.reply("250 fine")

    def reply(self, text):
        self.wfile.write(f"{text}\r\n".encode())


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    with MailServer() as server:
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        yield server
        server.shutdown()


def test_a_webhook_gets_the_alerts_as_json_with_a_signature(receiver):
    Webhook(receiver.url, "secret", "Models").send([notice(), notice(2)])

    ((path, headers, body),) = receiver.received
    signature = hmac.new(b"secret", body, hashlib.sha256).hexdigest()
    assert path == "/hook?to=ops"
    assert headers["podium-signature"] == f"sha256={signature}"
    sent = json.loads(body)
    assert sent["server"] == "Models"
    assert [one["notice"] for one in sent["alerts"]] == [1, 2]
    assert (
        sent["alerts"][0] | {"happened": "firing", "name": "age", "number": 7} == sent["alerts"][0]
    )
    assert "age drifted" in sent["alerts"][0]["sentence"]


def test_a_redirect_is_not_followed(receiver):
    receiver.status = 302

    with pytest.raises(NotSent, match="redirects aren't followed"):
        Webhook(receiver.url, "", "Models").send([notice()])

    assert len(receiver.received) == 1


@pytest.mark.parametrize("status", [400, 404, 500, 503])
def test_a_webhook_that_refuses_was_not_reached(receiver, status):
    receiver.status = status

    with pytest.raises(NotSent, match=str(status)):
        Webhook(receiver.url, "", "Models").send([notice()])


def test_nobody_listens_and_the_secret_in_the_url_is_not_told():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    with pytest.raises(NotSent) as caught:
        Webhook(f"http://me:hush@127.0.0.1:{port}/token", "", "Models").send([notice()])

    assert "hush" not in str(caught.value)
    assert "token" not in str(caught.value)


@pytest.mark.slow
def test_a_server_that_answers_a_byte_now_and_then_is_left(monkeypatch):
    monkeypatch.setattr(channels, "DEADLINE_S", 0.3)
    stop = threading.Event()

    def drip(server):
        client, _ = server.accept()
        with client:
            while not stop.wait(0.02):
                try:
                    client.sendall(b"H")
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=drip, args=[server])
        thread.start()
        with pytest.raises(NotSent):
            Webhook(f"http://127.0.0.1:{server.getsockname()[1]}/", "", "Models").send([notice()])
        stop.set()
        thread.join()


def test_a_mail_has_all_alerts(mail_server):
    Mail(mail_server.address, "podium@x.org", ["ada@x.org", "bob@x.org"], "Models").send(
        [notice(), notice(2, "income")]
    )

    (mail,) = mail_server.mails
    assert "Subject: [Models] 2 alerts" in mail
    assert "Alarm (red): churn 1: age drifted" in mail
    assert "income drifted" in mail
    assert len(mail_server.receivers) == 2


def test_names_cannot_add_headers_or_lines(mail_server):
    Mail(mail_server.address, "podium@x.org", ["ada@x.org"], "Models\r\nBcc: eve@x.org").send(
        [notice(name="age\r\nBcc: eve@x.org\r\n\r\nhello")]
    )

    (mail,) = mail_server.mails
    assert not any(line.lower().startswith(("bcc:", "hello")) for line in mail.splitlines())
    assert len(mail_server.receivers) == 1


def test_a_mail_server_that_refuses_is_told_of_without_addresses(mail_server):
    with pytest.raises(NotSent) as caught:
        Mail(mail_server.address, "podium@x.org", ["nobody@x.org"], "Models").send([notice()])

    assert "nobody" not in str(caught.value)


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ({"webhook": "file:///etc/passwd"}, "isn't a URL"),
        ({"webhook": "https://"}, "isn't a URL"),
        ({"webhook": "https://host:port/"}, "isn't a URL"),
        ({"webhook": "https://host/a b"}, "characters"),
        ({"webhook": "https://host/\r\nx: y"}, "characters"),
        ({"email_to": ["ada@x.org"]}, "no mail server"),
        ({"email_to": ["ada@x.org"], "email": "https://x.org"}, "can't be mailed"),
        ({"email_to": ["ada"], "email": "smtp://x.org"}, "isn't an email address"),
        ({"email_to": ["a@x.org,b@x.org"], "email": "smtp://x.org"}, "isn't an email address"),
    ],
)
def test_settings_that_cannot_work_are_refused_at_the_start(table, why):
    with pytest.raises(SetupError, match=why):
        channels_of(read_settings({"alerts": table}, environment={}))


def test_only_what_the_settings_name_is_a_channel():
    assert channels_of(read_settings({}, environment={})) == []
    variables = {
        "PODIUM_ALERTS_WEBHOOK": "https://host/hook",
        "PODIUM_ALERTS_EMAIL_TO": "ada@x.org, bob@x.org",
        "PODIUM_ALERTS_EMAIL": "smtps://user:hush@x.org",
    }
    settings = read_settings({"alerts": {"windows": ["day"]}}, environment=variables)

    assert [one.name for one in channels_of(settings)] == ["webhook", "email"]
    assert settings.alerts.windows == ("day",)
