"""Mail: sent in a thread of its own, with links from the settings.

Invariant: nothing in a response, neither its status nor its time, depends on whether there is mail
to send or on what the mail server says.
"""

from __future__ import annotations

import contextvars
import logging
import queue
import secrets
import threading
import time
from collections.abc import Callable
from typing import Any, TypeAlias

from allauth.core import context
from django.apps import apps
from django.conf import settings as project
from django.db import connections

from podium.accounts.reach import is_exposed, is_https
from podium.settings import Settings

WAITING_MAX = 1_000
# A slow mail server has a timeout of its own, ten seconds; a stop waits no longer.
CLOSE_S = 5.0
_Job: TypeAlias = Callable[[], object]
_log = logging.getLogger("podium")


class Mailer:
    """Runs the jobs for mails one after another."""

    def __init__(self) -> None:
        self._jobs: queue.Queue[tuple[float, contextvars.Context, _Job] | None] = queue.Queue(
            WAITING_MAX
        )
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def later(self, job: _Job) -> None:
        """Run a job soon, in the caller's context. Failures are logged."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="podium-mail", daemon=True)
                self._thread.start()
        try:
            self._jobs.put_nowait((_due(), contextvars.copy_context(), job))
        except queue.Full:
            _log.error("mail_not_sent: %s others are already waiting", WAITING_MAX)

    def close(self) -> None:
        """Send the mails that wait, as far as that is quick."""
        self._closing.set()
        thread, self._thread = self._thread, None
        if thread is not None and not self._jobs.full():
            self._jobs.put_nowait(None)
            thread.join(CLOSE_S)

    def _run(self) -> None:
        while (found := self._jobs.get()) is not None:
            due, asked, job = found
            self._closing.wait(max(0.0, due - time.monotonic()))
            try:
                asked.run(job)
            except Exception as error:  # noqa: BLE001 - mail or database errors of any kind
                # Not its text, in which mail servers repeat people's addresses.
                why = getattr(error, "strerror", None) or getattr(error, "smtp_code", "")
                _log.error("mail_not_sent: %s %s", type(error).__name__, why)
            finally:
                connections.close_all()


def _due() -> float:
    """When mails are rendered: not with their page, whose response would take 2 ms longer."""
    return time.monotonic() + (500 + secrets.randbelow(1_000)) / 1_000


def later(job: _Job) -> None:
    """Run a job for a mail after the response."""
    config: Any = apps.get_app_config("podium_accounts")
    config.mailer.later(job)


def can_link() -> bool:
    """Whether the URL for links is known."""
    own = settings()
    return bool(own.accounts.url) or not is_exposed(own)


def public_url(path: str) -> str:
    """A full URL, as people open it: never from a request's Host header."""
    own = settings()
    if own.accounts.url:
        return own.accounts.url.rstrip("/") + path
    # This machine only: its own name, and the port of the request.
    request: Any = context.request
    port = own.port if request is None else request.META["SERVER_PORT"]
    host = f"[{own.host}]" if ":" in own.host.strip("[]") else own.host
    return f"{'https' if is_https(own) else 'http'}://{host}:{port}{path}"


def settings() -> Settings:
    """Podium's own settings, from which Django's are generated."""
    own: Settings = project.PODIUM_SETTINGS.settings
    return own
