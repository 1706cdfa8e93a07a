"""The project in `django_project/`, run as its owner would run it."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

import httpx

import podium

PROJECT = Path(__file__).parent / "django_project"
PREFIX = "/tools/ml"
_ADDRESS = re.compile(r"(?:Listening at:|running on) (http://127\.0\.0\.1:\d+)")
_ENTER = """
from django.contrib.auth import get_user_model, SESSION_KEY, BACKEND_SESSION_KEY, HASH_SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
user = get_user_model().objects.create_superuser("ada@shop.example", "not used", nickname="Ada")
session = SessionStore()
session[SESSION_KEY] = str(user.pk)
session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
session[HASH_SESSION_KEY] = user.get_session_auth_hash()
session.create()
print("session", session.session_key)
"""


def packed_loans(folder: Path) -> Path:
    """The model that every host is asked about, packed."""
    from test_hosts import FUNCTION

    (folder / "django_loans.py").write_text(FUNCTION)
    sys.path.insert(0, str(folder))
    django_loans = importlib.import_module("django_loans")
    sys.path.remove(str(folder))
    return podium.pack(django_loans.loans, name="loans", path=folder).path


class Project:
    """A folder with the databases of one run of the project.

    Args:
        options: more of the setting `PODIUM`.
        databases: the addresses of two databases of PostgreSQL or MongoDB; SQLite files where there are none.
    """

    def __init__(
        self, folder: Path, model: Path, *, databases: Sequence[str] = (), **options: Any
    ) -> None:
        self.folder = folder
        self.environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "shop.settings",
            "PYTHONPATH": os.pathsep.join(
                [str(PROJECT), str(model.parent), os.environ.get("PYTHONPATH", "")]
            ),
            "PYTHONUNBUFFERED": "1",
            "SHOP_FOLDER": str(folder),
            "SHOP_MODEL": str(model),
            "SHOP_DATABASES": ",".join(databases) or ",",
            "SHOP_PODIUM": json.dumps(options),
        }

    def manage(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """What `manage.py` printed; whether it went well is for the caller to look at."""
        return subprocess.run(
            [sys.executable, "-W", "error", str(PROJECT / "manage.py"), *arguments],
            env=self.environment | environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )

    def pytest(self, file: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The tests in a file of the project, in a process whose settings are the project's."""
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "shop.ready",
            "-p",
            "no:cacheprovider",
        ]
        return subprocess.run(
            [*command, *arguments, str(PROJECT / file)],
            env=self.environment,
            cwd=PROJECT.parents[2],
            capture_output=True,
            text=True,
            check=False,
            timeout=280,
        )

    def migrate(self) -> str:
        """Make the tables and an administrator; returns the key of a session of theirs."""
        for database in ("default", "predictions"):
            done = self.manage("migrate", "--verbosity", "0", "--database", database)
            assert done.returncode == 0, done.stderr
        done = self.manage("shell", "--no-imports", "-c", _ENTER)
        assert done.returncode == 0, done.stderr
        return done.stdout.split()[-1]


class Server:
    """gunicorn or uvicorn with the project, for a `with` block."""

    def __init__(self, project: Project, kind: Literal["gunicorn", "uvicorn"], *more: str) -> None:
        self.project = project
        self.log = project.folder / f"{kind}.log"
        self.address = ""
        self._command = [sys.executable, "-m", kind]
        if kind == "gunicorn":
            self._command += ["shop.wsgi", "-b", "127.0.0.1:0", "--workers", "2", "--threads", "2"]
        else:
            self._command += ["shop.asgi:application", "--port", "0", "--lifespan", "off"]
        self._command += more

    def __enter__(self) -> Self:
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command,
                env=self.project.environment,
                cwd=self.project.folder,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            self._wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop it as an operator does."""
        self._process.terminate()
        try:
            self._process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def client(self, session: str = "") -> httpx.Client:
        """A browser, logged in where it has a session; its forms carry the token of its cookie."""
        token = "t" * 32
        cookies: Mapping[str, str] = {"csrftoken": token}
        if session:
            cookies = {**cookies, "sessionid": session}
        return httpx.Client(
            base_url=self.address,
            cookies=dict(cookies),
            headers={"x-csrftoken": token},
            # A server that refuses a body without reading it closes the connection after that.
            limits=httpx.Limits(max_keepalive_connections=0),
        )

    def _wait(self) -> None:
        until = time.monotonic() + 120
        while time.monotonic() < until and self._process.poll() is None:
            said = self.log.read_text("utf-8", "replace")
            found = _ADDRESS.search(said)
            if found is not None:
                self.address = found[1]
                if self._is_ready():
                    return
            time.sleep(0.05)
        raise RuntimeError(f"the server isn't ready:\n{self.log.read_text('utf-8', 'replace')}")

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.address}{PREFIX}/readyz", timeout=10).status_code == 200
        except httpx.HTTPError:
            return False
