"""An app of four small models, which the tests of pages and of policy share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

import podium
from podium.testing import Client

MODELS = '''
"""Models of the tests."""

import datetime as dt
from typing import Annotated, Literal

import podium


@podium.model
def loans(
    age: Annotated[int, podium.Range(0, 120)],
    income: Annotated[float | None, podium.Field(name="", unit="EUR", seen=podium.Range(0.0, 9e4))],
    member: bool,
    plan: Literal["basic", "pro"],
    rooms: Literal[1, 2, 3] | None,
    note: Annotated[str | None, podium.Field(name="", max_length=20)],
    since: dt.date,
    asked: dt.datetime | None = None,
) -> dict[Literal["no", "yes"], float]:
    """Whether a loan is granted."""
    yes = 0.75 if member and plan == "pro" and age > 18 else 0.25
    return {"no": 1 - yes, "yes": yes}


@podium.model(name="arrival-delay")
def arrival(distance: float, hour: Annotated[int, podium.Range(0, 23)]) -> float:
    """How late a flight is."""
    return distance / 100 + hour


@podium.model(name="optional")
def optional(one: float | None = None, other: str | None = None) -> float:
    """A model that takes nothing, too."""
    return 0.0 if one is None else one


@podium.model(name="fragile")
def fragile(x: float) -> float:
    """A model that fails where x is negative."""
    if x < 0:
        raise RuntimeError(f"the secret of /srv/models is {x}")
    return x
'''
NAMES = ("loans", "arrival", "optional", "fragile")
LOAN = {
    "age": 41,
    "income": 1_000.5,
    "member": True,
    "plan": "pro",
    "rooms": 2,
    "note": "hello",
    "since": "2024-03-01",
    "asked": "2024-03-01T12:00:00Z",
}


@pytest.fixture(scope="session")
def models_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python file with four models."""
    file = tmp_path_factory.mktemp("models") / "web_models.py"
    file.write_text(MODELS)
    return file


@pytest.fixture(scope="session")
def app(models_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[podium.App]:
    """The four models, and a store of their records."""
    home = tmp_path_factory.mktemp("home")
    made = podium.App(*(f"{models_file}:{name}" for name in NAMES), home=str(home))
    made.start()  # its threads are known to belong to the whole session
    yield made
    made.close()


@pytest.fixture(scope="session")
def client(app: podium.App) -> Client:
    """What asks the app, through the gate."""
    return Client(app)


@pytest.fixture
def loan() -> dict[str, object]:
    """A row that the model `loans` takes."""
    return dict(LOAN)


@pytest.fixture
def client_of(tmp_path: Path) -> Iterator[Callable[..., Client]]:
    """Serves models with a home of their own, until the test ends: `client_of(bundle).get("/")`."""
    with ExitStack() as stack:

        def client_of(*models: podium.Bundle | Path) -> Client:
            app = podium.App(*models, home=str(tmp_path / "client-home"))
            stack.callback(app.close)
            return Client(app)

        yield client_of
