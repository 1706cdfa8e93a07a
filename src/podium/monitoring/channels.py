"""What alerts are sent through: a webhook and mail, to where the operator's settings say."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import re
import smtplib
import socket
import ssl
import threading
from base64 import b64encode
from collections.abc import Sequence
from contextlib import suppress
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Any, Protocol
from urllib.parse import SplitResult, unquote, urlsplit

import msgspec

from podium.errors import SetupError
from podium.monitoring.alerts import Alert
from podium.monitoring.alerts_file import Notice
from podium.settings import Settings

# Of one step on the network, and of a webhook altogether.
STEP_S, DEADLINE_S = 5.0, 10.0
# As `accounts.email` has them: the port, and how it is encrypted.
_MAIL = {"smtp": (587, "starttls"), "smtps": (465, "tls"), "smtp+plain": (25, "")}
_ADDRESS = re.compile(r"[^@\s<>,]+@[^@\s<>,]+")
_WORDS = {"firing": "Alarm", "worse": "Worse", "resolved": "Resolved"}


class NotSent(Exception):
    """Nothing was sent, or nobody knows; the text has no secret."""


class Channel(Protocol):
    """What sends."""

    name: str

    def send(self, notices: Sequence[Notice]) -> None:
        """Send some, together.

        Raises:
            NotSent: that failed.
        """
        ...


def channels_of(settings: Settings) -> list[Channel]:
    """The channels that the settings name.

    Raises:
        SetupError: one of them can't be used.
    """
    alerts, found = settings.alerts, list[Channel]()
    if alerts.webhook:
        found.append(Webhook(alerts.webhook, alerts.webhook_secret, settings.title))
    if alerts.email_to:
        address = alerts.email or settings.accounts.email
        sender = alerts.email_from or settings.accounts.email_from
        found.append(Mail(address, sender, alerts.email_to, settings.title))
    return found


class Webhook:
    """Sends JSON to one URL. Redirects aren't followed: only the settings say where it goes.

    Raises:
        SetupError: the URL can't be used.
    """

    name = "webhook"

    def __init__(self, url: str, secret: str, server: str) -> None:
        parts = _split(url, "alerts.webhook", "https://host/path")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SetupError("alerts.webhook isn't a URL", hint="write it as https://host/path")
        self._parts, self._secret, self._server = parts, secret, server

    def send(self, notices: Sequence[Notice]) -> None:
        """Send some, as one JSON object.

        Raises:
            NotSent: there was no answer in time, or it wasn't a status from 200 to 299.
        """
        body = msgspec.json.encode(
            {"server": self._server, "alerts": [value_of(one) for one in notices]}
        )
        connection = self._connection()
        # Each step has a limit of its own: a server that sends a byte now and then would hold us.
        timer = threading.Timer(DEADLINE_S, _shut, [connection])
        timer.start()
        try:
            parts = self._parts
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("POST", path, body, self._headers(body))
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise NotSent(f"{parts.hostname}: {type(error).__name__}") from error
        finally:
            timer.cancel()
            connection.close()
        if not 200 <= status < 300:
            more = ": redirects aren't followed" if 300 <= status < 400 else ""
            raise NotSent(f"{parts.hostname} answered {status}{more}")

    def _connection(self) -> http.client.HTTPConnection:
        host, port = self._parts.hostname or "", self._parts.port
        if self._parts.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=STEP_S)
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(host, port, timeout=STEP_S, context=context)

    def _headers(self, body: bytes) -> dict[str, str]:
        headers = {
            "content-type": "application/json",
            "user-agent": "podium",
            "connection": "close",
        }
        if self._secret:
            signature = hmac.new(self._secret.encode(), body, hashlib.sha256).hexdigest()
            headers["podium-signature"] = f"sha256={signature}"
        if self._parts.username is not None:
            user, password = unquote(self._parts.username), unquote(self._parts.password or "")
            headers["authorization"] = f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"
        return headers


class Mail:
    """Sends mails to some people.

    Raises:
        SetupError: an address can't be used.
    """

    name = "email"

    def __init__(self, address: str, sender: str, to: Sequence[str], server: str) -> None:
        if not address:
            raise SetupError(
                "alerts.email_to has addresses, but there is no mail server",
                hint='set email = "smtp://user:password@host:587" in [alerts]',
            )
        parts = _split(address, "alerts.email", "smtp://user:password@host:587")
        if parts.scheme not in _MAIL or not parts.hostname:
            raise SetupError(
                "alerts can't be mailed through this address",
                hint="use smtp://user:password@host:587 (STARTTLS), or smtps://...",
            )
        sender = sender or "podium@localhost"
        for one in (*to, sender):
            if not _ADDRESS.fullmatch(one):
                raise SetupError(f"[alerts]: {one!r} isn't an email address")
        self._parts, self._sender, self._to = parts, sender, tuple(to)
        self._server = " ".join(server.split())

    def send(self, notices: Sequence[Notice]) -> None:
        """Send some, as one mail.

        Raises:
            NotSent: the mail server didn't accept it.
        """
        mail = self._mail(notices)
        port, encryption = _MAIL[self._parts.scheme]
        host, port = self._parts.hostname or "", self._parts.port or port
        try:
            with self._connected(host, port, encryption) as server:
                if self._parts.username:
                    password = unquote(self._parts.password or "")
                    server.login(unquote(self._parts.username), password)
                server.send_message(mail)
        except (OSError, smtplib.SMTPException, ValueError) as error:
            # Not its text, in which mail servers repeat people's addresses.
            code = getattr(error, "smtp_code", "")
            raise NotSent(f"{host}: {type(error).__name__} {code}".rstrip()) from error

    def _connected(self, host: str, port: int, encryption: str) -> smtplib.SMTP:
        if encryption == "tls":
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(host, port, timeout=2 * STEP_S, context=context)
        server = smtplib.SMTP(host, port, timeout=2 * STEP_S)
        if encryption:
            try:
                server.starttls(context=ssl.create_default_context())
            except BaseException:
                server.close()
                raise
        return server

    def _mail(self, notices: Sequence[Notice]) -> EmailMessage:
        lines = [_line(one) for one in notices]
        mail = EmailMessage()
        first = f"{lines[0]}" if len(lines) == 1 else f"{len(lines)} alerts"
        mail["Subject"] = f"[{self._server}] {first}"[:200]
        mail["From"], mail["To"] = self._sender, ", ".join(self._to)
        mail["Date"], mail["Message-ID"] = formatdate(), make_msgid(domain="podium")
        mail.set_content(
            "\n".join([*lines, "", "Acknowledge an alert where the alerts are listed."])
        )
        return mail


def value_of(notice: Notice) -> dict[str, Any]:
    """What is sent to a webhook about an alert; `notice` is the same when it is sent again."""
    value = {"notice": notice.number, "happened": notice.happened}
    return value | alert_value(notice.alert)


def alert_value(alert: Alert) -> dict[str, Any]:
    """An alert as plain values."""
    value: dict[str, Any] = msgspec.to_builtins(alert)
    return value | {"sentence": alert.sentence}


def _line(notice: Notice) -> str:
    """`Alarm (red): churn 1.2: age drifted: ...`, in one line whatever names contain."""
    alert = notice.alert
    version = f"{alert.model} {alert.version}".strip()
    text = f"{_WORDS[notice.happened]} ({alert.level}): {version}: {alert.sentence}"
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _split(url: str, setting: str, form: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise SetupError(f"{setting} isn't a URL", hint=f"write it as {form}") from error
    if not (url.isascii() and url.isprintable()) or " " in url:
        raise SetupError(f"{setting} has characters that a URL can't have")
    return parts


def _shut(connection: http.client.HTTPConnection) -> None:
    """End whatever waits for a connection."""
    if connection.sock is not None:
        with suppress(OSError):
            connection.sock.shutdown(socket.SHUT_RDWR)
