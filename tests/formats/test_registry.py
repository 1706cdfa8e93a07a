"""Registries that earlier versions wrote: they are opened, migrated, read and written.

- registry-1: without rollouts, and without details of events.
"""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest

from podium.deployments.registry import Registry
from podium.deployments.rows import Event

HERE = Path(__file__).parent
FOLDERS = sorted(HERE.glob("registry-*"))


@pytest.fixture(params=FOLDERS, ids=lambda folder: folder.name)
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    shutil.copy(request.param / "registry.db", tmp_path)
    return tmp_path


def test_what_an_earlier_version_wrote_is_read(home):
    registry = Registry(home)

    assert [one.name for one in registry.versions("sums")] == ["2", "1"]
    assert registry.find("sums", "champion").name == "2"
    assert registry.find("sums", "previous").name == "1"
    assert registry.promoted("sums").name == "2"
    assert registry.rollout("sums") is None
    actions = [(one.action, one.actor, one.note, one.details) for one in registry.events("sums")]
    assert actions == [
        ("promoted", "bob", "better", "{}"),
        ("promoted", "ada", "", "{}"),
        ("registered", "ada", "first", "{}"),
        ("registered", "ada", "first", "{}"),
    ]


def test_it_is_written_on(home):
    registry = Registry(home)

    registry.rollback("sums", actor="cy")

    event = registry.events("sums", 1)[0]
    assert (event.number, event.actor, event.action) == (5, "cy", "rolled_back")
    assert isinstance(event, Event)


def test_many_who_open_it_at_once_migrate_it_once(home):
    barrier, errors = threading.Barrier(8), []

    def read() -> None:
        barrier.wait()
        try:
            assert Registry(home).live("sums").epoch == 4
        except Exception as error:  # noqa: BLE001 - shown by the assertion below
            errors.append(error)

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
