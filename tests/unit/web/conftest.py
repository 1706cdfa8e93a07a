"""Who makes the requests of a test, what is written down about them, and a model of two versions."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

import podium
from podium.access import NOBODY, Actor
from podium.bundle import Bundle
from podium.deployments.registry import Registry
from podium.http import Request
from podium.testing import Client


class Log:
    """Believes the name in a header, and remembers what is written down."""

    def __init__(self, actors: Mapping[str, Actor]) -> None:
        self.events: list[tuple[str, str, dict[str, str]]] = []
        self._actors = actors

    def of_page(self, request: Request) -> Actor:
        return self._actors.get(request.headers.get("x-who", ""), NOBODY)

    of_api = of_page

    def login_url(self, request: Request) -> str | None:
        return "/login"

    def links(self, request: Request) -> list[tuple[str, str]]:
        return []

    def audit(self, actor: Actor, event: str, **fields: str) -> None:
        self.events.append((actor.name, event, fields))


@pytest.fixture
def log(request: pytest.FixtureRequest) -> Log:
    """Knows the `ACTORS` of the test's module."""
    return Log(request.module.ACTORS)


@pytest.fixture(scope="session")
def two_sums(tmp_path_factory: pytest.TempPathFactory) -> list[Bundle]:
    """The versions `v1` and `v2` of a model, and their trials beside them."""
    folder, frame = tmp_path_factory.mktemp("sums"), pd.DataFrame({"x": np.arange(20.0)})
    registry, bundles = Registry(folder), []
    for factor in (1, 2):
        model, path = (
            LinearRegression().fit(frame, factor * frame["x"]),
            folder / f"{factor}.podium",
        )
        bundle = podium.pack(model, frame, name="sums", version=f"v{factor}", path=path)
        registry.check(registry.bundle(registry.register(bundle)))
        bundles.append(bundle)
    return bundles


@pytest.fixture
def sums_client(two_sums: list[Bundle], tmp_path: Path) -> Iterator[Client]:
    """Serves `v1`; `v2` is registered, and was tried before."""
    first, second = two_sums
    assert first.path is not None
    home = tmp_path / "home"
    (home / "versions").mkdir(parents=True)
    for cache in (first.path.parent / "versions").glob("*.checked"):
        shutil.copy(cache, home / "versions")
    app = podium.App(first, home=str(home))
    app.versions.registry.register(second, actor="ada <b>", note="اختبار <script>")
    yield Client(app)
    app.close()
