"""The README and every page of the docs, done as a reader would do it.

Blocks of a page run in order, in one new folder: a block with a title is written to the file of that
name, Python blocks share their names, and of shell blocks the lines of `podium`, `python` and `curl`
run. `podium serve` keeps running until the page ends. A comment `<!-- not run: why -->` right before
a block leaves it out.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from podium.app import App

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(
    r"(?P<skip><!-- not run: [^>]+ -->\n+)?"
    r'^```(?P<language>\w+)(?: title="(?P<title>[^"]+)")?\n(?P<text>.*?)^```$',
    re.MULTILINE | re.DOTALL,
)
ADDRESS = "http://127.0.0.1:8000"
LIMIT_S = 120


def commands_of(text: str) -> Iterator[str]:
    """The commands of a shell block; one that ends inside quotes goes on in the next line."""
    begun = ""
    for line in text.replace("\\\n", " ").splitlines():
        begun += line
        if begun.count("'") % 2 == 0:
            yield begun
            begun = ""
    assert not begun, f"quotes that don't end: {begun}"


@dataclass
class Reader:
    """Somebody who types a page into a shell and a Python prompt, in a folder of their own."""

    folder: Path
    port: int
    names: dict[str, Any] = field(default_factory=dict)
    servers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def do(self, block: re.Match[str]) -> None:
        language, title, text = block["language"], block["title"], block["text"]
        if title:
            (self.folder / title).write_text(text, "utf-8")
        elif language == "python":
            here = text.replace(ADDRESS, f"http://127.0.0.1:{self.port}")
            exec(compile(here, "page.md", "exec"), self.names)
        elif language == "sh":
            for line in commands_of(text):
                self.type(line)

    def type(self, line: str) -> None:
        words = shlex.split(line, comments=True)
        if words[:2] == ["podium", "serve"]:
            self.serve(words)
        elif words[:1] == ["curl"]:
            self.ask(words[1:])
        elif words[:1] in (["podium"], ["python"], ["echo"]):
            # Through a shell: pages use pipes and redirections.
            shell = f'podium() {{ {shlex.quote(sys.executable)} -m podium "$@"; }}; '
            shell += f'python() {{ {shlex.quote(sys.executable)} "$@"; }}; {line}'
            done = subprocess.run(
                ["/bin/sh", "-c", shell],
                cwd=self.folder,
                capture_output=True,
                text=True,
                check=False,
                env=self.environment(),
            )
            assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"

    def serve(self, words: list[str]) -> None:
        self.stop()
        command = [sys.executable, "-m", *words]
        with (self.folder / "server.log").open("wb") as log:
            server = subprocess.Popen(
                command, cwd=self.folder, stdout=log, stderr=log, env=self.environment()
            )
        self.servers.append(server)
        limit = time.monotonic() + LIMIT_S
        while not self.is_ready():
            told = (self.folder / "server.log").read_text("utf-8")
            assert self.servers[-1].poll() is None, f"{shlex.join(words)}\n{told}"
            assert time.monotonic() < limit, f"{shlex.join(words)} isn't ready\n{told}"

    def is_ready(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def ask(self, words: list[str]) -> None:
        """What curl would send, so that readers of this test need no curl."""
        headers: dict[str, str] = {}
        body: bytes | None = None
        address = ""
        rest = iter(words)
        for word in rest:
            if word == "-H":
                name, _, value = next(rest).partition(":")
                headers[name.strip().lower()] = value.strip()
            elif word in ("-d", "--data-binary"):
                value = next(rest)
                body = (
                    (self.folder / value[1:]).read_bytes() if value[:1] == "@" else value.encode()
                )
                headers.setdefault("content-type", "application/x-www-form-urlencoded")
            elif not word.startswith("-"):
                address = word
        assert address.startswith(("127.0.0.1:8000", ADDRESS)), f"{address} isn't the server"
        url = f"http://127.0.0.1:{self.port}/{address.partition('8000/')[2]}"
        answer = httpx.request(
            "GET" if body is None else "POST", url, content=body, headers=headers, timeout=LIMIT_S
        )
        assert answer.status_code == 200, f"{address}\n{answer.text}"

    def environment(self) -> dict[str, str]:
        return os.environ | {"PODIUM_PORT": str(self.port), "PYTHONUNBUFFERED": "1"}

    def stop(self) -> None:
        while self.servers:
            server = self.servers.pop()
            server.terminate()
            assert server.wait(timeout=60) is not None


@pytest.fixture
def reader(tmp_path: Path, free_port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    monkeypatch.chdir(tmp_path)
    one = Reader(tmp_path, free_port)
    apps, start = [], App.start

    def remembered(app: App) -> None:
        apps.append(app)
        start(app)

    monkeypatch.setattr(App, "start", remembered)
    yield one
    one.stop()
    for app in apps:  # a page needn't say that its app is closed when its process ends
        app.close()


# Dask calls what pandas 3.1 deprecates, in this version.
@pytest.mark.filterwarnings("ignore:The inplace keyword::dask")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_page_does_what_it_says(page: Path, reader: Reader) -> None:
    for block in BLOCK.finditer(page.read_text("utf-8")):
        if not block["skip"]:
            reader.do(block)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_block_of_a_page_names_its_language(page: Path) -> None:
    fences = re.findall(r"^```(.*)$", page.read_text("utf-8"), re.MULTILINE)

    assert all(fences[::2]), "a fence without a language"
    assert not any(fences[1::2]), "a block that doesn't end"
