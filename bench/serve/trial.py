"""A trial: one contender serves one model, is checked, and is loaded."""

from __future__ import annotations

import math
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.serve import load, models, places
from bench.serve.load import Load
from bench.serve.models import Model
from bench.serve.peers.catalog import Contender
from bench.serve.server import NotServing, Server, ask, free_port, serving

BULK_ROWS = 1_000
# At most so many answers are compared with the model's own before each run of the load.
N_CHECKED = 16
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Trial:
    """A contender that answers.

    Attributes:
        port_2: that its command may name, too, such as for gRPC.
    """

    contender: Contender
    model: Model
    server: Server
    token: str = ""
    port_2: int = 0

    @property
    def path(self) -> str:
        """The route of predictions."""
        return self.contender.path.format(name=self.model.name)

    def load(self, connections: int, seconds: int, *, is_checked: bool = True) -> Load:
        """One row a request, another in each; answers are checked first, which is a pause.

        Raises:
            NotServing: an answer is wrong, or requests failed.
        """
        if is_checked:
            self.check()
        return self._run(self.bodies("one"), connections, seconds)

    def load_bulk(self, seconds: int) -> Load:
        """A thousand rows a request, one connection.

        Raises:
            NotServing: an answer is wrong, or requests failed.
        """
        columns = self.model.columns(0, BULK_ROWS)
        self._compare(self.contender.format.encode_many(columns), 0, BULK_ROWS)
        return self._run(self.bodies("many"), 1, seconds)

    def check(self) -> None:
        """Ask rows one by one, then several at once, and compare the answers.

        Raises:
            NotServing: one is wrong.
        """
        rows = self.model.rows()
        every = len(rows) // N_CHECKED
        failures: list[NotServing] = []

        def compare(at: int) -> None:
            try:
                self._compare(self.contender.format.encode_one(rows[at]), at, at + 1)
            except NotServing as error:
                failures.append(error)

        compare(0)
        # At once, since a batching server may mix answers up.
        threads = [threading.Thread(target=compare, args=[i * every]) for i in range(N_CHECKED)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]

    def bodies(self, kind: str) -> Path:
        """A file of requests, made once for each model and format."""
        form = self.contender.format
        file = places.BODIES / f"{self.model.name}-{self.contender.name}-{kind}.txt"
        if not file.exists():
            n_asked = len(self.model.answers)
            if kind == "one":
                lines = [form.encode_one(row) for row in self.model.rows()]
            else:
                starts = range(0, n_asked - BULK_ROWS + 1, BULK_ROWS // 2)
                lines = [form.encode_many(self.model.columns(i, i + BULK_ROWS)) for i in starts]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(b"\n".join(lines) + b"\n")
        return file

    def _compare(self, body: bytes, start: int, stop: int) -> None:
        try:
            status, answer = ask(self.server.port, self.path, body, _headers(self.token))
        except OSError as error:
            raise NotServing(f"no answer: {error!r}") from error
        if not is_right(self.contender, status, answer, self.model.answers[start:stop]):
            shown = answer[:200].decode("utf-8", "replace")
            raise NotServing(
                f"a wrong answer: {status} {shown}, not {self.model.answers[start:stop][:3]}"
            )

    def _run(self, bodies: Path, connections: int, seconds: int) -> Load:
        url = self.server.url(self.path)
        found = load.run(url, bodies, connections=connections, seconds=seconds, token=self.token)
        if found.failed:
            raise NotServing(
                f"{found.failed} of {found.requests} requests failed at {connections} connections"
            )
        return found


@contextmanager
def trial(
    contender: Contender, name: str, variables: Mapping[str, str] | None = None
) -> Iterator[Trial]:
    """A contender with a model, while the block runs.

    Raises:
        NotInstalled: its environment can't be had here.
        NotServing: it didn't start, or answers wrongly.
    """
    environment = contender.environment()
    model = models.model_for(name, environment)
    port, port_2 = free_port(), free_port()
    home = places.HOMES / f"{contender.name}-{os.getpid()}"
    home.mkdir(parents=True)
    values = {
        "bin": environment.bin,
        "port": port,
        "port_2": port_2,
        "port_3": free_port(),
        "model": model.file,
        "home": home,
        "name": name,
        "bundle": models.bundle_of(name, model.file) if "{bundle}" in contender.command else "",
        "prepared": _prepared(contender, model) if "{prepared}" in contender.command else "",
    }
    command = [word.format(**values) for word in contender.command.split()]
    own = {"MODEL": str(model.file), "PATH": f"{environment.bin}{os.pathsep}{os.environ['PATH']}"}
    own |= {key: text.format(**values) for key, text in contender.variables.items()}
    environment_of = {**os.environ, **own, **(variables or {})}
    token = _token(contender, values, environment_of) if contender.token else ""
    body = contender.format.encode_one(model.rows()[0])
    path = contender.path.format(name=name)

    def is_ready(port: int) -> bool:
        status, answer = ask(port, path, body, _headers(token))
        return status == 200 and is_right(contender, status, answer, model.answers[:1])

    try:
        with serving(
            command,
            name=contender.name,
            port=port,
            is_ready=is_ready,
            folder=contender.app_folder,
            environment={**own, **(variables or {})},
        ) as server:
            yield Trial(contender, model, server, token, port_2)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _headers(token: str) -> dict[str, str]:
    return {**JSON, "Authorization": f"Bearer {token}"} if token else JSON


def _token(contender: Contender, values: Mapping[str, object], own: Mapping[str, str]) -> str:
    """The token that a command of the contender's prints, in its last line."""
    command = [word.format(**values) for word in contender.token]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=dict(own))
    return done.stdout.split()[-1]


def _prepared(contender: Contender, model: Model) -> Path:
    """The model in a peer's own form, made once by the script in its folder."""
    folder = model.file.parent / f"{model.name}-{contender.name}"
    if not folder.exists():
        script = contender.app_folder / "prepare.py"
        command = [contender.environment().python, script, model.file, folder]
        subprocess.run(command, check=True, capture_output=True)
    return folder


def is_right(contender: Contender, status: int, answer: bytes, expected: list[float]) -> bool:
    """Whether an answer is the model's own, within what float32 and printing cost."""
    if status != 200:
        return False
    try:
        found = contender.format.decode(answer)
    except (ValueError, LookupError, TypeError):
        return False
    pairs = list(zip(found, expected, strict=False))
    return len(found) == len(expected) and all(
        math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-6) for one, other in pairs
    )
