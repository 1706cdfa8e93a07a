"""The smallest app: everything else is in its config."""

from __future__ import annotations

from pathlib import Path

from flask import Flask

from podium.hosts.flask import Podium

podium = Podium()


def make() -> Flask:
    app = Flask(__name__, instance_path=str(Path.cwd()))
    app.config.from_prefixed_env()
    podium.init_app(app)
    return app
