"""An app with all that apps have: logins, needs, tokens, CSRF protection, error handlers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import flask
from flask import Flask
from flask_login import LoginManager, UserMixin, current_user, login_user
from flask_principal import Identity, Principal, RoleNeed, identity_changed, identity_loaded
from flask_wtf import CSRFProtect
from werkzeug.exceptions import HTTPException

from podium.hosts.flask import Podium

SECRET = "a secret of the test, long enough"
podium = Podium()
login = LoginManager()
csrf = CSRFProtect()


class User(UserMixin):
    def __init__(self, username: str, roles: list[str]) -> None:
        self.id = f"id-of-{username}"
        self.username = username
        self.roles = roles


PEOPLE = {
    user.id: user for user in (User("ada", ["admin"]), User("bob", ["analyst"]), User("eve", []))
}
TOKENS = {f"Bearer token-of-{user.username}": user for user in PEOPLE.values()}
login.user_loader(PEOPLE.get)
login.request_loader(lambda request: TOKENS.get(request.headers.get("authorization", "")))


def make(**config: Any) -> Flask:
    app = Flask(__name__, instance_path=str(Path.cwd()))
    app.config.from_mapping(SECRET_KEY=SECRET)
    app.config.from_prefixed_env()
    app.config.from_mapping(config)
    podium.init_app(app)  # before all others, as it may be
    login.init_app(app)
    login.login_view = "login"
    csrf.init_app(app)
    Principal(app)
    identity_loaded.connect(provide, app)
    app.add_url_rule("/", view_func=home)
    app.add_url_rule("/enter/<name>", view_func=enter, methods=["POST"])
    app.add_url_rule("/enter", endpoint="login", view_func=home)
    app.add_url_rule("/ask", view_func=ask)
    csrf.exempt(enter)
    app.register_error_handler(HTTPException, told)
    return app


def provide(sender: Flask, identity: Identity) -> None:
    identity.provides.update(RoleNeed(role) for role in getattr(current_user, "roles", ()))
    if getattr(current_user, "username", "") == "eve":
        identity.provides.add(("visit", "loans"))


def home() -> str:
    return "<h1>Shop</h1>"


def enter(name: str) -> str:
    user = PEOPLE[f"id-of-{name}"]
    login_user(user)
    sender = flask.current_app._get_current_object()
    identity_changed.send(sender, identity=Identity(user.id))
    return "Hello"


def ask() -> Any:
    row = {"age": 41, "member": True, "plan": "pro", "since": "2024-03-01"}
    told = podium.predict("loans", row)
    many = podium.predict("loans", [row, {**row, "member": False}])
    return {"one": told.prediction, "id": told.id, "many": [one.prediction for one in many]}


def told(error: HTTPException) -> Any:
    return f"<h1>Shop: {error.code} {error.name}</h1><p>{error.description}</p>", error.code or 500
