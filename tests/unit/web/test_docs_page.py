"""The docs page: whole, safe, and its examples really work."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import pytest

import podium
from podium.errors import ModelError
from podium.http import Request
from podium.policy import gate
from podium.runtimes.python import load_function
from podium.testing import Client, ServerProcess
from podium.web import docs, problems, routes

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


@pytest.fixture(scope="module")
def page(client: Client) -> Page:
    reply = client.get("/docs")

    assert reply.status == 200
    return Page(reply.text)


def test_every_link_within_the_page_has_its_target(page: Page):
    inner = [link[1:] for link in page.links if link.startswith("#")]

    assert {*NAMES} <= set(inner)
    assert [link for link in inner if link not in page.ids] == []
    assert sorted(set(page.ids)) == sorted(page.ids)


def test_every_other_link_leads_somewhere(client: Client, page: Page):
    others = {link for link in page.links if not link.startswith("#")}

    assert {f"/models/{name}" for name in NAMES} <= others
    assert {link: client.get(link).status for link in others} == dict.fromkeys(others, 200)


def test_it_loads_nothing_from_elsewhere(page: Page):
    assert [one for one in page.loads if one and not one.startswith("/static/")] == []


def test_it_lists_every_field_with_what_it_takes(client: Client):
    text = client.get("/docs").text

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


def test_the_answer_that_it_shows_is_the_models_own(client: Client, page: Page):
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

    text = client.get("/docs").text

    assert "the model has no prediction for this example" in text
    with pytest.raises(ModelError):
        client.app.deployments["moody"].choose().bundle.predict({"x": 1.0})
    client.app.close()


def test_a_model_that_is_being_loaded_is_not_waited_for(models_file: Path, tmp_path: Path):
    podium.App(f"{models_file}:arrival", home=str(tmp_path)).close()
    lazy = podium.App(str(tmp_path / "packed" / "arrival-delay.podium"), home=str(tmp_path))

    response = routes.respond(lazy.site, Request("GET", "/docs"))

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

    text = client.get("/docs").text

    assert "<script>alert" not in text
    assert "</pre><script" not in text
    commands = [block for block in Page(text).blocks if block.startswith("curl")]
    assert evil in json.loads(sent(commands[0])["body"])
    client.app.close()


def sent(command: str) -> dict[str, Any]:
    """What a curl command sends."""
    _, address, *options = shlex.split(command.replace("\\\n", " "))
    pairs = dict(zip(options[::2], options[1::2], strict=True))
    name, _, value = pairs["-H"].partition(": ")
    return {
        "address": address,
        "headers": {name: value},
        "body": pairs.get("-d") or pairs["--data-binary"],
    }


@pytest.fixture(scope="module")
def server(models_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    home = tmp_path_factory.mktemp("home")
    functions = [f"{models_file}:loans", f"{models_file}:arrival"]
    with ServerProcess(*functions, home=home) as process:
        yield process


def blocks(server: ServerProcess, start: str) -> list[str]:
    html = httpx.get(f"{server.address}/docs", headers={"accept": "text/html"}).text
    return [block for block in Page(html).blocks if block.startswith(start)]


@pytest.mark.slow
def test_its_curl_commands_work(server: ServerProcess):
    commands = blocks(server, "curl")

    assert len(commands) == 4
    for command in commands:
        request = sent(command)
        answer = httpx.post(request["address"], content=request["body"], headers=request["headers"])
        assert answer.status_code == 200
        assert request["address"].startswith(server.address)
        is_csv = request["headers"]["Content-Type"] == "text/csv"
        assert answer.headers["content-type"].startswith(
            "text/csv" if is_csv else "application/json"
        )


@pytest.mark.slow
def test_its_python_programs_print_the_prediction(server: ServerProcess):
    programs = blocks(server, "import json")

    outputs = [
        subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        ).stdout
        for program in programs
    ]

    assert len(outputs) == 2
    assert outputs[0].strip() in ("no", "yes")
    assert re.fullmatch(r"[\d.]+", outputs[1].strip())
