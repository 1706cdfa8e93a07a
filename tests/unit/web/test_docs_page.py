"""The pages of the API: whole, safe, and what they try is a real request."""

from __future__ import annotations

import html
import json
import re
import shlex
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

import podium
from podium.access import ANYONE, Action, Actor
from podium.errors import ModelError, NotAuthenticated
from podium.http import Request
from podium.policy import gate
from podium.policy.authority import OpenAuthority
from podium.runtimes.python import load_function
from podium.testing import Client
from podium.web import docs, problems, routes
from podium.web.docs_model import KINDS

NAMES = ("loans", "arrival-delay", "optional", "fragile")


class Page(HTMLParser):
    """Ids, links, texts of `pre`, and what the page loads."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.loads: list[str] = []
        self.blocks: list[str] = []
        self._is_in_block = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        self.ids += [said["id"] or ""] if "id" in said else []
        self.links += [said["href"] or ""] if tag == "a" else []
        self.loads += [said.get("src") or said.get("href") or "" for _ in [0] if tag != "a"]
        if tag == "pre":
            self.blocks.append("")
            self._is_in_block = True

    def handle_endtag(self, tag: str) -> None:
        self._is_in_block = self._is_in_block and tag != "pre"

    def handle_data(self, data: str) -> None:
        if self._is_in_block:
            self.blocks[-1] += data


PATHS = ("/docs", "/docs/loans", "/docs/fragile?as=csv")


@pytest.fixture(scope="module", params=PATHS)
def page(client: Client, request: pytest.FixtureRequest) -> Page:
    reply = client.get(request.param)

    assert reply.status == 200
    return Page(reply.text)


def test_every_link_within_the_page_has_its_target(page: Page):
    inner = [link[1:] for link in page.links if link.startswith("#")]

    assert len(inner) >= 3
    assert [link for link in inner if link not in page.ids] == []
    assert sorted(set(page.ids)) == sorted(page.ids)


def test_every_other_link_leads_somewhere(client: Client, page: Page):
    others = {link.partition("#")[0] for link in page.links} - {""}

    assert {f"/docs/{name}" for name in NAMES} <= others
    assert {link: client.get(link).status for link in others} == dict.fromkeys(others, 200)


def test_it_loads_nothing_from_elsewhere(page: Page):
    assert [one for one in page.loads if one and not one.startswith("/static/")] == []


def test_it_lists_every_field_with_what_it_takes(client: Client):
    text = client.get("/docs/loans").text

    for name in client.app.deployments["loans"].choose().signature.names:
        assert f'<th scope="row"><code dir="auto">{name}</code></th>' in text
    assert "a whole number from 0 to 120" in text
    assert "one of basic, pro" in text


def codes_at_the_gate(client: Client) -> set[tuple[int, str]]:
    """Every refusal that the gate has, provoked."""
    long, many = "/" + "a" * 9_000, {f"x-{i}": "" for i in range(70)}
    tried: list[tuple[str, str, dict[str, str]]] = [
        ("GET", long, {}),
        ("GET", "/", many),
        ("PUT", "/", {}),
        ("GET", "/..", {}),
        ("GET", "/", {"host": ""}),
        ("GET", "/", {"host": "evil.example"}),
        ("POST", "/", {"content-encoding": "gzip"}),
        ("POST", "/", {"transfer-encoding": "chunked"}),
        ("POST", "/", {"content-length": "x"}),
        ("POST", "/", {"content-length": "9999999999"}),
        ("POST", "/", {"origin": "null"}),
        ("GET", "/api/models/loans/monitor/stream", {}),
    ]
    replies = [
        client.request(method, target, headers=headers | {"accept": "application/json"})
        for method, target, headers in tried
    ]
    of_the_server = {gate.bad_head(""), gate.other_version(), gate.too_slow()}
    return {(reply.status, reply.json()["code"]) for reply in replies} | {
        (refusal.status, refusal.code) for refusal in of_the_server
    }


def test_it_lists_every_error_that_a_caller_can_meet(client: Client):
    listed = {(status, code) for status, code, _ in docs.ERRORS}
    errors = {(status, kind.code) for kind, status in problems.STATUSES.items()}

    assert listed == errors | codes_at_the_gate(client) | {(500, "internal")}
    text = client.get("/docs").text
    assert [code for _, code in listed if f"<code>{code}</code>" not in text] == []


def test_a_model_that_is_named_as_before_is_found(client: Client):
    assert set(NAMES) <= set(Page(client.get("/docs").text).ids)  # as /docs#loans


def test_the_answer_that_it_shows_is_the_models_own(client: Client):
    page = Page(client.get("/docs/loans").text)
    row = client.get("/api/models/loans").json()["examples"][0]
    real = client.post("/api/models/loans/predict", row).json()

    shown = next(json.loads(block) for block in page.blocks if '"model": "loans"' in block)

    assert set(shown) == set(real)
    assert len(shown.pop("id")) == len(real.pop("id"))
    assert shown == real


def test_a_model_that_cannot_answer_its_example_has_a_page_all_the_same(tmp_path: Path):
    (tmp_path / "moody_model.py").write_text(
        "import podium\n@podium.model\ndef moody(x: float) -> float:\n    raise ValueError('no')\n"
    )
    client = Client(podium.App(f"{tmp_path / 'moody_model.py'}:moody", home=str(tmp_path)))

    text = client.get("/docs/moody").text

    assert "the model has no prediction for this example" in text
    with pytest.raises(ModelError):
        client.app.deployments["moody"].choose().bundle.predict({"x": 1.0})
    client.app.close()


def test_a_model_that_is_being_loaded_is_not_waited_for(models_file: Path, tmp_path: Path):
    podium.App(f"{models_file}:arrival", home=str(tmp_path)).close()
    lazy = podium.App(str(tmp_path / "packed" / "arrival-delay.podium"), home=str(tmp_path))

    response = routes.respond(lazy.site, Request("GET", "/docs/arrival-delay"))

    assert response.status == 200
    assert isinstance(response.body, bytes)
    assert b"the model is being loaded" in response.body
    assert not lazy.is_ready
    lazy.close()


def test_a_name_is_never_markup(tmp_path: Path):
    evil = "</pre><script>alert(1)</script>'\"\n$(x)"
    file = tmp_path / "evil_model.py"
    file.write_text(
        "from typing import TypedDict\nimport podium\n"
        f"Row = TypedDict('Row', {{{evil!r}: float}})\n"
        "@podium.model\ndef evil(row: Row) -> float:\n    return 1.0\n"
    )
    bundle = podium.pack(
        load_function(f"{file}:evil"),
        name="evil",
        path=tmp_path,
        title=evil,
        description=evil,
        signature={"fields": [{"name": evil, "description": evil, "unit": evil}]},
    )
    client = Client(podium.App(bundle, home=str(tmp_path)))

    text = client.get("/docs/evil").text + client.get("/docs").text

    assert "<script>alert" not in text
    assert "</pre><script" not in text
    commands = [block for block in Page(text).blocks if block.startswith("curl")]
    assert evil in json.loads(sent(commands[0])["body"])
    client.app.close()


def sent(command: str) -> dict[str, Any]:
    """What a curl command sends."""
    _, address, *options = shlex.split(command.replace("\\\n", " "))
    pairs = dict(zip(options[::2], options[1::2], strict=True))
    return {"address": address, "body": pairs["--data-raw"]}


def form(**typed: str) -> dict[str, Any]:
    """The form as a browser sends it: its lines end with CR LF."""
    body = urlencode({name: text.replace("\n", "\r\n") for name, text in typed.items()})
    return {"body": body.encode(), "content_type": "application/x-www-form-urlencoded"}


def tried(client: Client, name: str, **typed: str) -> tuple[Any, Any]:
    """The status and the body of the answer that the page shows."""
    sent = form(**typed)
    headers = {"content-type": sent["content_type"]}
    reply = client.request("POST", f"/docs/{name}", body=sent["body"], headers=headers)
    assert reply.status == 200
    page = Page(reply.text)
    answer = page.blocks[-2]  # the last is the example of a response
    found = re.search(r"<strong>(\d+) ", reply.text)
    assert found is not None
    return int(found[1]), json.loads(answer) if answer[0] in "{[" else answer


def typed_first(client: Client, name: str, kind: str) -> str:
    found = re.search(
        r"<textarea[^>]*>(.*?)</textarea>", client.get(f"/docs/{name}?as={kind}").text, re.DOTALL
    )
    assert found is not None
    return html.unescape(found[1])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["loans", "arrival-delay"])
def test_what_is_typed_first_is_answered(client: Client, name: str, kind: str):
    status, answer = tried(client, name, kind=kind, body=typed_first(client, name, kind))

    assert status == 200
    assert answer.startswith("prediction") if kind == "csv" else "prediction" in str(answer)


def test_a_request_that_is_tried_is_answered_and_recorded_as_one_to_the_api(client: Client):
    row = client.get("/api/models/loans").json()["examples"][0]
    real = client.post("/api/models/loans/predict", row).json()

    status, answer = tried(client, "loans", kind="row", body=json.dumps(row))

    record = client.get(f"/api/records/{answer.pop('id')}").json()
    assert record["source"] == "api"
    real.pop("id")
    assert (status, answer) == (200, real)


@pytest.mark.parametrize(
    ("typed", "status", "code"),
    [
        ({"body": "{"}, 400, "malformed_body"),
        ({}, 400, "malformed_body"),
        ({"body": '{"age": -1}', "kind": "row"}, 422, "invalid_rows"),
        ({"body": "age\n-1\n", "kind": "csv"}, 422, "invalid_rows"),
        ({"body": "[{}]", "kind": "no such kind"}, 422, "invalid_rows"),
    ],
)
def test_a_problem_is_shown_as_it_was_answered(client: Client, typed, status, code):
    shown, problem = tried(client, "loans", **typed)

    assert (shown, problem["status"], problem["code"]) == (status, status, code)


def test_what_was_typed_stays_and_is_no_markup(client: Client):
    evil = "</textarea><script>alert(1)</script>"
    sent = form(kind="row", body=evil)

    text = client.request(
        "POST", "/docs/loans", body=sent["body"], headers={"content-type": sent["content_type"]}
    ).text

    assert html.escape(evil) in text
    assert "<script>alert" not in text


def test_a_script_gets_the_part_that_changes(client: Client):
    sent = form(kind="row", body="{")
    headers = {"content-type": sent["content_type"], "accept": "application/json"}

    reply = client.request("POST", "/docs/loans", body=sent["body"], headers=headers)

    assert reply.json()["html"].startswith('<div id="answer"')
    assert "<strong>400 Bad Request</strong>" in reply.json()["html"]
    assert "malformed_body" in reply.json()["html"]


def test_a_body_that_is_no_form_is_refused(client: Client):
    reply = client.post("/docs/loans", {"age": 3})

    assert reply.status == 415
    assert "/api/models/loans/predict" in reply.text


@pytest.mark.slow
def test_pages_of_ten_models_are_short(tmp_path: Path):
    import numpy as np
    import pandas as pd
    from sklearn.linear_model import LinearRegression

    frame = pd.DataFrame({f"x{i}": np.arange(20.0) for i in range(10)})
    model = LinearRegression().fit(frame, frame["x0"])
    bundles = [
        podium.pack(model, frame, name=f"m{i}", path=tmp_path, description="What it does. " * 10)
        for i in range(10)
    ]
    client = Client(podium.App(*bundles, home=str(tmp_path)))

    sizes = [len(client.get(path).body) for path in ("/docs", "/docs/m0", "/docs/m9")]

    client.app.close()
    assert max(sizes) < 60_000


class Tokens(OpenAuthority):
    """Two people: one by their session, one by a token."""

    takes_tokens = True

    def of_page(self, request: Request) -> Actor:
        return Actor("ada", "ada", ANYONE.grants)

    def of_api(self, request: Request) -> Actor:
        if request.headers.get("authorization") != "Bearer of-grace":
            raise NotAuthenticated("the token isn't valid")
        return Actor("grace", "grace", {"*": frozenset({Action.SEE})})


@pytest.fixture
def with_tokens(models_file: Path, tmp_path: Path) -> Iterator[Client]:
    app = podium.App(f"{models_file}:loans", home=str(tmp_path), identify=Tokens(), quota_user=2)
    yield Client(app)
    app.close()


def test_a_request_is_tried_as_the_owner_of_the_token_or_of_the_session(with_tokens: Client):
    text = with_tokens.get("/docs/loans").text
    row = typed_first(with_tokens, "loans", "row")

    own = tried(with_tokens, "loans", body=row)
    others = tried(with_tokens, "loans", body=row, token="of-grace")
    nobodys = tried(with_tokens, "loans", body=row, token="of-nobody")

    assert [own[0], others[0], nobodys[0]] == [200, 403, 401]
    assert others[1]["detail"].startswith("grace may not")
    assert "PODIUM_TOKEN" in text
    assert "of-grace" not in text


def test_a_request_that_is_tried_counts_against_the_quota(with_tokens: Client):
    row = typed_first(with_tokens, "loans", "row")

    statuses = [tried(with_tokens, "loans", body=row)[0] for _ in range(3)]

    assert statuses == [200, 200, 429]
