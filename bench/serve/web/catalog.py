"""The frameworks of the three classic tests, and what each test asks."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.serve import places
from bench.serve.environment import Environment, environment_for, podium_environment

N_ASKED = 2_000
N_RECORDS = 50
# As many as there are connections: each may wait for the upstream.
GUNICORN = (
    "{bin}/gunicorn --bind 127.0.0.1:{port} --workers 1 --worker-class gthread --threads 64 "
    "--log-level warning app:app"
)
UVICORN = "{bin}/uvicorn --host 127.0.0.1 --port {port} --log-level warning app:app"


@dataclass(frozen=True)
class Test:
    """One of the three.

    Attributes:
        bodies: what is sent; nothing for GET.
        expected: what the answer to each of them holds.
        read: what is compared with it.
    """

    path: str
    bodies: list[dict[str, Any]] = field(default_factory=list)
    expected: list[Any] = field(default_factory=list)
    read: Callable[[bytes], Any] = json.loads

    def line(self, at: int) -> bytes:
        """A request's body."""
        return json.dumps(self.bodies[at]).encode()

    def is_right(self, at: int, status: int, answer: bytes) -> bool:
        """Whether this is the answer to that request."""
        try:
            return status in (200, 201) and bool(self.read(answer) == self.expected[at])
        except (ValueError, LookupError, TypeError):
            return False


_NAMES = [{"name": f"person {i}"} for i in range(N_ASKED)]
_GREETINGS = [f"Hello, person {i}!" for i in range(N_ASKED)]
_NUMBERS = [{"number": i} for i in range(N_ASKED)]
_DOUBLES = [2.0 * i for i in range(N_ASKED)]


def _rows(page: bytes) -> int:
    """How many of the records that were stored a page shows."""
    return len(re.findall(rb">person \d+<", page))


TESTS = {
    "json": Test("/json", _NAMES, _GREETINGS, lambda answer: json.loads(answer)["message"]),
    "remote": Test("/remote", _NUMBERS, _DOUBLES, lambda answer: json.loads(answer)["value"]),
    "complete": Test("/complete", expected=[N_RECORDS], read=_rows),
}


def _prediction(answer: bytes) -> Any:
    return json.loads(answer)["prediction"]


# The same with Podium: two functions as models, and the page of the records that one of them left.
PODIUM_TESTS = {
    "json": Test("/api/models/hello/predict", _NAMES, _GREETINGS, _prediction),
    "remote": Test("/api/models/remote/predict", _NUMBERS, _DOUBLES, _prediction),
    "complete": Test("/models/hello/records", expected=[N_RECORDS], read=_rows),
}


@dataclass(frozen=True)
class Framework:
    """A framework and the server that it is run by."""

    name: str
    title: str
    package: str
    command: str

    @property
    def folder(self) -> Path:
        """Where its app is."""
        return places.WEB / self.name

    @property
    def tests(self) -> dict[str, Test]:
        """What it is asked."""
        return PODIUM_TESTS if self.name == "podium" else TESTS

    def environment(self) -> Environment:
        """What it runs in.

        Raises:
            NotInstalled: it can't be had here.
        """
        requirements = self.folder / "requirements.txt"
        if self.name == "podium":
            return podium_environment("web-podium", ("-r", str(requirements)))
        return environment_for(requirements, f"web-{self.name}")


FRAMEWORKS = [
    Framework(
        "podium",
        "Podium",
        "podium",
        "{bin}/podium serve functions.py:hello functions.py:remote --port {port} --home {home}",
    ),
    Framework("flask", "Flask, gunicorn", "flask", GUNICORN),
    Framework("django", "Django, gunicorn", "django", GUNICORN),
    Framework("bottle", "Bottle, gunicorn", "bottle", GUNICORN),
    Framework("falcon", "Falcon, gunicorn", "falcon", GUNICORN),
    Framework("pyramid", "Pyramid, gunicorn", "pyramid", GUNICORN),
    Framework("wheezy", "wheezy.web, gunicorn", "wheezy.web", GUNICORN),
    Framework("muffin", "muffin, uvicorn", "muffin", UVICORN),
    Framework("fastapi", "FastAPI, uvicorn", "fastapi", UVICORN),
    Framework("litestar", "Litestar, uvicorn", "litestar", UVICORN),
    Framework(
        "emmett",
        "Emmett, Granian",
        "emmett",
        "{bin}/emmett -a app.py serve --host 127.0.0.1 --port {port}",
    ),
    Framework("tornado", "Tornado", "tornado", "{bin}/python app.py {port}"),
]
