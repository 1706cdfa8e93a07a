"""The result of a form has an address, and reloading it does nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import podium
from podium.access import Action, Actor
from podium.errors import StoreError
from podium.records.record import Record
from podium.records.store import RecordQuery
from podium.records.stores.memory import MemoryStore
from podium.testing import Client

PREDICTS, SEES_OWN = Action.PREDICT, Action.SEE_OWN
ACTORS = {
    "ada": Actor("ada", grants={"arrival-delay": frozenset({PREDICTS, SEES_OWN})}),
    "bob": Actor("bob", grants={"arrival-delay": frozenset({PREDICTS, SEES_OWN})}),
    "eve": Actor("eve", grants={"arrival-delay": frozenset({PREDICTS})}),
    "sue": Actor("sue", grants={"*": frozenset({PREDICTS, Action.SEE})}),
}
FORM, VALUES = "/models/arrival-delay", {"distance": "100", "hour": "3"}


@pytest.fixture
def named(models_file: Path, log: object, tmp_path: Path) -> Iterator[Client]:
    """Two models behind an authority."""
    sources = [f"{models_file}:{name}" for name in ("arrival", "loans")]
    app = podium.App(*sources, home=str(tmp_path), identify=log)
    yield Client(app)
    app.close()


def n_records(client: Client) -> int:
    store = client.app.site.store
    assert store is not None
    return len(store.page(RecordQuery(), limit=10).records)


def test_the_result_of_a_form_has_an_address_and_reloading_it_records_nothing(named):
    sent = named.send_form(FORM, VALUES, x_who="ada")
    where = sent.headers["location"]
    pages = [named.get(where, x_who="ada") for _ in range(3)]

    assert sent.status == 303
    assert re.fullmatch(FORM + "/results/[0-9a-f]{32}", where)
    assert [page.status for page in pages] == [200] * 3
    assert '<span class="value figure"><bdi>4</bdi>' in pages[0].text
    assert re.search(r'name="distance" value="100(\.0)?"', pages[0].text)
    assert f'href="/records/{where[-32:]}"' in pages[0].text
    assert n_records(named) == 1


@pytest.mark.parametrize(
    ("who", "status"), [("ada", 200), ("bob", 404), ("eve", 403), ("sue", 200)]
)
def test_a_result_is_for_whoever_asked_for_it_and_those_who_see_all(named, who, status):
    where = named.send_form(FORM, VALUES, x_who="ada").headers["location"]

    assert named.get(where, x_who=who).status == status
    assert named.get(where.replace("arrival-delay", "loans"), x_who=who).status >= 400


def test_those_who_may_not_see_records_get_the_result_at_once(named):
    sent = named.send_form(FORM, VALUES, x_who="eve")

    assert sent.status == 200
    assert 'id="result"' in sent.text
    assert "/records/" not in sent.text
    assert n_records(named) == 1


def test_where_nothing_is_recorded_the_result_comes_at_once(models_file: Path, tmp_path: Path):
    app = podium.App(f"{models_file}:arrival", home=str(tmp_path), records=False)
    client = Client(app)

    sent = client.send_form(FORM, VALUES)
    looked = client.get(f"{FORM}/results/{'0' * 32}")
    app.close()

    assert (sent.status, looked.status) == (200, 404)
    assert 'id="result"' in sent.text


class Unreadable(MemoryStore):
    """Holds records, and fails whoever reads one."""

    def get(self, record_id: str, *, time_us: int | None = None) -> Record | None:
        raise StoreError("the database is away")


def test_while_the_store_cannot_be_read_the_result_comes_at_once(models_file: Path, tmp_path: Path):
    store = Unreadable()
    app = podium.App(f"{models_file}:arrival", home=str(tmp_path), record_store=store)
    client = Client(app)

    sent = client.send_form(FORM, VALUES)
    looked = client.get(f"{FORM}/results/{'0' * 32}")
    app.close()

    assert (sent.status, looked.status) == (200, 503)
    assert 'id="result"' in sent.text
