"""The three apps: how each is prepared, started and asked."""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx

HERE = Path(__file__).parent
READY_S = 60.0
# One home; whoever asks an app asks for this one first.
ROW = {
    "area": 94.4,
    "rooms": 5.1,
    "age": 52.6,
    "floor": 0.1,
    "distance": 4.9,
    "energy": 151.3,
    "balcony": 4.3,
    "noise": 54.7,
}


@dataclass(frozen=True)
class Contender:
    """A way to put the model on the web.

    Attributes:
        folder: with the code that somebody wrote for it; None where nobody wrote any.
        model: the file that it loads, in the folder that `prepare` filled.
        prepare: commands that run once.
        serve: the command that serves. In commands `{folder}` is the folder of models, `{code}` the
            one with the code, `{port}` the port, `{python}` the interpreter, `{sha256}` the pickle's.
        variables: of the environment, filled in likewise.
        form: where people are asked.
        api: where programs are.
        status: of its answer to somebody whom it doesn't know.
    """

    name: str
    folder: Path | None
    model: str
    prepare: Sequence[Sequence[str]]
    serve: Sequence[str]
    variables: Mapping[str, str]
    form: str
    api: str
    status: int = 200


BY_HAND = {
    "MODEL": "{folder}/model.pkl",
    "SECRET_KEY": "for-this-comparison-only",
    "DATABASE": "{folder}/db.sqlite3",
    "STATIC": "{folder}/static",
}
GUNICORN = ("{python}", "-m", "gunicorn", "--chdir", "{code}", "--bind", "127.0.0.1:{port}")
FLASK = Contender(
    name="Flask",
    folder=HERE / "flask_app",
    model="model.pkl",
    prepare=(),
    serve=(*GUNICORN, "app:app"),
    variables=BY_HAND,
    form="/",
    api="/api/predict",
)
DJANGO = Contender(
    name="Django",
    folder=HERE / "django_project",
    model="model.pkl",
    prepare=(
        ("{python}", "{code}/manage.py", "migrate", "--verbosity", "0"),
        ("{python}", "{code}/manage.py", "collectstatic", "--noinput", "--verbosity", "0"),
    ),
    serve=(*GUNICORN, "mysite.wsgi"),
    variables=BY_HAND,
    form="/",
    api="/api/predict",
)
PODIUM = Contender(
    name="Podium",
    folder=None,
    model="houses.podium",
    prepare=(
        (
            *("{python}", "-m", "podium", "pack", "{folder}/model.pkl", "--name", "houses"),
            *("--data", "{folder}/houses.csv", "--target", "price"),
            *("-o", "{folder}/houses.podium", "--trust", "sha256:{sha256}"),
        ),
    ),
    serve=(
        *("{python}", "-m", "podium", "serve", "{folder}/houses.podium"),
        *("--port", "{port}", "--home", "{folder}/home"),
    ),
    variables={},
    form="/models/houses",
    api="/api/models/houses/predict",
)
PODIUM_WITH_ACCOUNTS = replace(
    PODIUM,
    name="Podium with accounts",
    prepare=(),  # the bundle is the same
    serve=(*PODIUM.serve[:-1], "{folder}/home-with-accounts", "--accounts"),
    status=401,
)
CONTENDERS = (FLASK, DJANGO, PODIUM)


@dataclass
class App:
    """A contender that is prepared, and perhaps runs.

    Attributes:
        models: the folder with the data and the pickle that `train.py` wrote.
        words: before the command that serves, as `taskset -c 0`.
    """

    contender: Contender
    models: Path
    words: Sequence[str] = ()
    port: int = 0
    pid: int = 0
    ready_s: float = 0.0
    _places: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        digest = hashlib.sha256((self.models / "model.pkl").read_bytes()).hexdigest()
        self._places = {
            "folder": str(self.models),
            "code": str(self.contender.folder),
            "port": str(self.port),
            "python": sys.executable,
            "sha256": digest,
        }

    @property
    def address(self) -> str:
        """Where it is asked."""
        return f"http://127.0.0.1:{self.port}"

    def prepare(self) -> None:
        """Run what runs once."""
        for command in self.contender.prepare:
            words = [word.format_map(self._places) for word in command]
            subprocess.run(words, check=True, env=self._environment(), stdout=subprocess.DEVNULL)

    @contextmanager
    def running(self) -> Iterator[App]:
        """It, while it serves; `ready_s` is how long its first right answer took."""
        words = [word.format_map(self._places) for word in self.contender.serve]
        log = self.models / f"{self.contender.name}.log"
        began = time.perf_counter()
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*self.words, *words], env=self._environment(), stdout=output, stderr=output
            )
        self.pid = process.pid
        try:
            while not self._answers():
                is_late = time.perf_counter() - began > READY_S
                if process.poll() is not None or is_late:
                    raise RuntimeError(f"{self.contender.name}: {log.read_text('utf-8')}")
                time.sleep(0.005)
            self.ready_s = time.perf_counter() - began
            yield self
        finally:
            process.terminate()
            process.wait(timeout=30)

    def _answers(self) -> bool:
        try:
            answer = httpx.post(self.address + self.contender.api, json=ROW, timeout=READY_S)
        except httpx.TransportError:
            return False
        if answer.status_code != self.contender.status:
            return False
        return answer.status_code != 200 or "prediction" in answer.json()

    def _environment(self) -> dict[str, str]:
        filled = {k: v.format_map(self._places) for k, v in self.contender.variables.items()}
        return {**os.environ, **filled}
