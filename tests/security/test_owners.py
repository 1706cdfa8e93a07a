"""Whose a record is: an id with its kind, which no name and no later user can pass for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

import podium
from podium.access import ALL, ANYONE, NOBODY, Action, Actor
from podium.flow.request import PredictRequest, RequestContext
from podium.flow.response import EncodedResponse
from podium.records.record import Record
from podium.records.store import Store
from podium.records.stores.memory import MemoryStore
from podium.testing.stores.samples import sample
from podium.web.record_filters import filters_of
from podium.web.visible_records import may_see

LOGISTIC = Path(__file__).parents[1] / "formats" / "logistic-1.podium"
SEES_OWN = {ALL: frozenset({Action.SEE_OWN})}
SEVEN = Actor("ada", grants=SEES_OWN, id="user:7")


def seen(store: Store, actor: Actor) -> list[str]:
    """The ids that a list shows; each of them, and no other, must open as a page of its own."""
    listed = store.page(filters_of("penguins", {}, actor).query, limit=100).records
    every = store.page(filters_of("penguins", {}, ANYONE).query, limit=100).records
    assert {one.id for one in every if may_see(actor, one)} == {one.id for one in listed}
    return [one.id for one in listed]


@pytest.fixture
def store() -> Store:
    """A record of the user 7, and one from before records had owners."""
    store = MemoryStore()
    store.insert([sample(1, actor="ada", owner="user:7"), sample(2, actor="user:7")])
    return store


def test_the_owner_sees_their_record_under_a_new_name_too(store: Store):
    assert seen(store, SEVEN) == [sample(1).id]
    assert seen(store, Actor("ada the second", grants=SEES_OWN, id="user:7")) == [sample(1).id]


@pytest.mark.parametrize(
    "other",
    [
        Actor("7", grants=SEES_OWN, id="user:8"),
        Actor("user:7", grants=SEES_OWN, id="user:8"),
        Actor("user:7", grants=SEES_OWN),
        Actor("ada", grants=SEES_OWN),
        Actor("ada", grants=SEES_OWN, id="user:70"),
        Actor("", grants=SEES_OWN),
        NOBODY,
    ],
    ids=lambda actor: f"{actor.name or 'nobody'} as {actor.owner or 'nobody'}",
)
def test_nobody_else_does_whatever_their_name(store: Store, other: Actor):
    assert seen(store, other) == []


def test_records_from_before_there_were_owners_are_for_those_who_see_all(store: Store):
    assert seen(store, ANYONE) == [sample(2).id, sample(1).id]
    assert seen(store, Actor("user:7", grants=SEES_OWN)) == []


def test_outboxes_of_older_versions_are_read():
    values = msgspec.msgpack.decode(msgspec.msgpack.encode(sample(3, actor="ada")))[:-1]

    read = msgspec.msgpack.decode(msgspec.msgpack.encode([values]), type=list[Record])

    assert (read[0].actor, read[0].owner) == ("ada", None)


def test_one_key_of_two_users_who_share_a_name_stands_for_two_requests(models_app: podium.App):
    (deployment,) = models_app.deployments.values()
    traffic = deployment.traffic
    body = msgspec.json.encode(traffic.champion.signature.examples[0])

    def respond(actor: Actor) -> EncodedResponse:
        context = RequestContext(actor=actor, key="k")
        return models_app.service.respond(traffic, PredictRequest(body, "", context))

    first = respond(SEVEN)
    other = respond(Actor("ada", id="user:8"))
    again = respond(SEVEN)

    assert first.body != other.body
    assert (other.is_repeated, again.is_repeated) == (False, True)


@pytest.fixture
def models_app(tmp_path: Path) -> Iterator[podium.App]:
    app = podium.App(str(LOGISTIC), home=str(tmp_path / "home"))
    app.start()
    yield app
    app.close()
