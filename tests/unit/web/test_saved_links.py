"""Saved links to lists of records: each person's own, and harmless whatever is sent."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest

import podium
from podium.access import ALL, Action, Actor
from podium.errors import InputError
from podium.testing import Client
from podium.web.saved_links import LINKS_MAX, SavedLinks

EVERYTHING = {ALL: frozenset(Action)}
ACTORS = {
    "ada": Actor("ada", grants=EVERYTHING, id="user:1"),
    "bob": Actor("bob", grants=EVERYTHING, id="user:2"),
}
LOANS = "/models/loans/records"


@pytest.fixture
def client(models_file: Path, tmp_path: Path) -> Iterator[Client]:
    def identify(request: podium.Request) -> Actor | None:
        return ACTORS.get(request.headers.get("x-who", ""))

    app = podium.App(f"{models_file}:loans", home=str(tmp_path), identify=identify)
    yield Client(app)
    app.close()


@pytest.fixture
def links(tmp_path: Path) -> SavedLinks:
    return SavedLinks(tmp_path / "links.db")


def test_a_link_is_somebodys_own(client: Client):
    ada, bob = {"x_who": "ada"}, {"x_who": "bob"}
    sent = {"label": " Old <b> ", "query": "f1=in.age&o1=ge&v1=60&sort=-in.age"}

    saved = client.send_form(f"{LOANS}/links", sent, **ada)

    assert saved.headers["location"] == f"{LOANS}?f1=in.age&o1=ge&v1=60&sort=-in.age"
    hers, his = (client.get(f"{LOANS}?outcome=yes", **who).text for who in (ada, bob))
    (address,) = re.findall(r'<a href="([^"]*)"><bdi>Old &lt;b&gt;</bdi>', hers)
    assert unescape(address) == saved.headers["location"]
    assert "Old" not in his
    for who, is_left in ((bob, True), (ada, False)):
        client.send_form(f"{LOANS}/links", {"remove": "Old <b>"}, **who)
        assert ("Old" in client.get(LOANS, **ada).text) is is_left


def test_a_link_leads_nowhere_else(client: Client):
    sent = {"label": "x", "query": '//evil.example/\r\nset-cookie: a=b&c="><script>'}

    reply = client.send_form(f"{LOANS}/links", sent, x_who="ada")

    assert reply.headers["location"].startswith(f"{LOANS}?")
    assert not set(reply.headers["location"]) & set('\r\n<>"')


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("", ""),
        (" ", ""),
        ("a\x00", ""),
        ("\u202eabc", ""),
        ("x" * 61, ""),
        ("x", "a=" + "b" * 5_000),
    ],
)
def test_an_odd_link_is_refused(links: SavedLinks, name: str, query: str):
    with pytest.raises(InputError):
        links.save("user:1", "loans", name, query)

    assert links.of("user:1", "loans") == ()


def test_only_so_many_can_be_saved(links: SavedLinks):
    for n in range(LINKS_MAX):
        links.save("user:1", "loans", f"link {n}", f"v1={n}")

    with pytest.raises(InputError, match="30 links"):
        links.save("user:1", "loans", "one more", "")
    links.save("user:1", "loans", "link 3", "v1=changed")
    links.save("user:1", "other", "one more", "")

    assert len(links.of("user:1", "loans")) == LINKS_MAX
    assert ("link 3", "v1=changed") in links.of("user:1", "loans")
    assert links.of("", "loans") == ()
