"""The servers of predictions: how each is installed, started and asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.serve import places
from bench.serve.environment import OWN, Environment, environment_for
from bench.serve.peers import formats
from bench.serve.peers.formats import Format


def shown(command: str) -> str:
    """A command as one would type it."""
    return command.replace("{bin}/", "").format_map(_Capitals())


class _Capitals(dict[str, str]):
    """`{port}` is PORT for a reader."""

    def __missing__(self, key: str) -> str:
        return key.upper()


@dataclass(frozen=True)
class Contender:
    """A way to serve a model.

    Attributes:
        name: what `--only` chooses by; a peer in two ways has two.
        folder: of the peer, in `peers/`.
        package: whose version is told.
        command: how it is started; `{bin}`, `{port}`, `{model}` and others are filled in.
        variables: of its environment, filled in likewise; MODEL, the model's file, is always there.
        rounds_max: fewer for those that take long to start.
        token: a command that is run before, and prints the token to ask with.
    """

    name: str
    title: str
    folder: str
    package: str
    command: str
    variables: Mapping[str, str] = field(default_factory=dict)
    path: str = "/predict"
    format: Format = formats.FRAME
    rounds_max: int = 99
    token: tuple[str, ...] = ()

    @property
    def app_folder(self) -> Path:
        """Where it is started."""
        return places.PEERS / self.folder if self.folder else places.ROOT

    @property
    def shown(self) -> str:
        """The command as one would type it, for the report."""
        words = [f"{name}={value}" for name, value in self.variables.items()]
        return shown(" ".join([*words, self.command]))

    def environment(self) -> Environment:
        """What it runs in.

        Raises:
            NotInstalled: it can't be had here.
        """
        if not self.folder:
            return OWN
        return environment_for(self.app_folder / "requirements.txt")


GUNICORN = "{bin}/gunicorn --bind 127.0.0.1:{port} --workers 1 --log-level warning"
GTHREAD = f"{GUNICORN} --worker-class gthread --threads 4"
UVICORN = "{bin}/uvicorn --host 127.0.0.1 --port {port} --log-level warning"
BENTOML = "{bin}/bentoml serve --host 127.0.0.1 --port {port}"
# Those that take ten seconds and more to start are measured once.
SLOW = 1
PODIUM = Contender(
    "podium",
    "Podium, recording",
    "",
    "podium",
    "{bin}/podium serve {bundle} --port {port} --home {home}",
    path="/api/models/{name}/predict",
    format=formats.OBJECT,
)
UNRECORDED = replace(
    PODIUM,
    name="podium-no-records",
    title="Podium, --no-records",
    command=f"{PODIUM.command} --no-records",
)
V2 = replace(
    PODIUM,
    name="podium-v2",
    title="Podium, recording, REST v2",
    path="/v2/models/{name}/infer",
    format=formats.TENSORS,
)
CONTENDERS = [
    PODIUM,
    UNRECORDED,
    V2,
    Contender("flask-sync", "Flask, gunicorn sync", "flask", "flask", f"{GUNICORN} app:app"),
    Contender(
        "flask-gthread",
        "Flask, gunicorn gthread",
        "flask",
        "flask",
        f"{GTHREAD} app:app",
    ),
    Contender("django", "Django, gunicorn gthread", "django", "django", f"{GTHREAD} app:app"),
    Contender("fastapi", "FastAPI, uvicorn", "fastapi", "fastapi", f"{UVICORN} app:app"),
    Contender("litestar", "Litestar, uvicorn", "litestar", "litestar", f"{UVICORN} app:app"),
    Contender(
        "bentoml",
        "BentoML",
        "bentoml",
        "bentoml",
        f"{BENTOML} app:Plain",
        variables={"BENTOML_DO_NOT_TRACK": "True"},
        format=formats.ROWS,
        rounds_max=SLOW,
    ),
    Contender(
        "bentoml-batching",
        "BentoML, batching",
        "bentoml",
        "bentoml",
        f"{BENTOML} app:Batching",
        variables={"BENTOML_DO_NOT_TRACK": "True"},
        format=formats.ROWS,
        rounds_max=SLOW,
    ),
    Contender("litserve", "LitServe", "litserve", "litserve", "{bin}/python app.py plain {port}"),
    Contender(
        "litserve-batching",
        "LitServe, batching",
        "litserve",
        "litserve",
        "{bin}/python app.py batching {port}",
    ),
    Contender(
        "mlserver",
        "MLServer",
        "mlserver",
        "mlserver",
        "{bin}/mlserver start .",
        variables={
            "MLSERVER_HOST": "127.0.0.1",
            "MLSERVER_HTTP_PORT": "{port}",
            "MLSERVER_GRPC_PORT": "{port_2}",
            "MLSERVER_METRICS_PORT": "{port_3}",
            "MLSERVER_MODEL_URI": "{model}",
        },
        path="/v2/models/model/infer",
        format=formats.TENSORS,
        rounds_max=SLOW,
    ),
    Contender(
        "mlflow",
        "MLflow",
        "mlflow",
        "mlflow",
        "{bin}/mlflow models serve -m {prepared} --env-manager local --host 127.0.0.1 -p {port} -w 1",
        path="/invocations",
        format=formats.SPLIT,
        rounds_max=SLOW,
    ),
    Contender(
        "ray",
        "Ray Serve",
        "ray",
        "ray",
        "{bin}/python app.py plain {port}",
        variables={"RAY_USAGE_STATS_ENABLED": "0"},
        rounds_max=SLOW,
    ),
    Contender(
        "ray-batching",
        "Ray Serve, batching",
        "ray",
        "ray",
        "{bin}/python app.py batching {port}",
        variables={"RAY_USAGE_STATS_ENABLED": "0"},
        rounds_max=SLOW,
    ),
]
