"""Part 4, the ceiling: constant answers, from Podium's connection, a bare protocol, and nginx."""

from __future__ import annotations

import shutil
from pathlib import Path

from bench.serve import load, machine, places
from bench.serve.constant import BODY
from bench.serve.environment import OWN
from bench.serve.options import Options
from bench.serve.peers.catalog import PODIUM
from bench.serve.predictions import WARM_S, add_load
from bench.serve.rounds import Part
from bench.serve.server import NotServing, ask, free_port, serving
from bench.serve.trial import JSON, trial

NAME = "ceiling"
CONNECTIONS = (64, 16, 1)
TITLES = {
    "nginx": "nginx, `return 200`",
    "protocol": "a bare asyncio protocol, httptools and uvloop",
    "connection": "Podium's connection, constant answer",
    "podium": "Podium, model A, recording",
}
NGINX = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr warn;
events {{ worker_connections 512; }}
http {{
  access_log off; keepalive_requests 1000000000;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port};
    location / {{ default_type application/json; return 200 '{body}'; }}
  }}
}}
"""


def measure(options: Options) -> Part:
    """Run the part: each ceiling, and Podium in the same rounds."""
    part = Part(NAME, titles=TITLES)
    noise = machine.Noise()
    # The same requests as Podium gets.
    with trial(PODIUM, "a") as one:
        bodies = one.bodies("one")
    for _ in range(options.rounds):
        for name in TITLES:
            noise.sample()
            if name not in part.problems:
                _measure_one(name, bodies, part, options)
    part.note(options, noise)
    return part


def _measure_one(name: str, bodies: Path, part: Part, options: Options) -> None:
    print(f"  {name:22}", end="", flush=True)
    try:
        if name == "podium":
            with trial(PODIUM, "a") as one:
                one.load(CONNECTIONS[0], WARM_S)
                for connections in options.some(CONNECTIONS, 1):
                    found = one.load(connections, options.seconds)
                    _add(part, name, connections, found)
        else:
            _constant(name, bodies, part, options)
    except NotServing as error:
        part.problems[name] = str(error)
        print(f"  {error}", end="")
    print(flush=True)


def _constant(name: str, bodies: Path, part: Part, options: Options) -> None:
    port = free_port()
    home = places.HOMES / f"ceiling-{port}"
    home.mkdir(parents=True)
    try:
        command = _command(name, port, home)
        with serving(command, name=name, port=port, is_ready=_is_right) as server:
            url = server.url("/api/models/a/predict")
            load.run(url, bodies, connections=CONNECTIONS[0], seconds=WARM_S)
            for connections in options.some(CONNECTIONS, 1):
                found = load.run(url, bodies, connections=connections, seconds=options.seconds)
                if found.failed:
                    raise NotServing(f"{found.failed} of {found.requests} requests failed")
                _add(part, name, connections, found)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _add(part: Part, name: str, connections: int, found: load.Load) -> None:
    add_load(part, name, ("a", str(connections)), found)
    print(f"  {connections}: {found.per_s:,.0f}/s", end="", flush=True)


def _command(name: str, port: int, home: Path) -> list[str | Path]:
    if name != "nginx":
        return [OWN.python, "-m", "bench.serve.constant", name, str(port)]
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/local/bin:/usr/bin:/opt/homebrew/bin")
    if nginx is None:
        raise NotServing("nginx isn't installed: `apt install nginx-light`")
    config = home / "nginx.conf"
    config.write_text(NGINX.format(folder=home, port=port, body=BODY.decode()), "utf-8")
    return [nginx, "-c", config, "-p", home, "-e", "stderr"]


def _is_right(port: int) -> bool:
    status, answer = ask(port, "/api/models/a/predict", b"{}", JSON)
    return status == 200 and answer == BODY
