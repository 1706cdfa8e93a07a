import os
import sqlite3
from contextlib import closing

import requests
from pyramid.config import Configurator
from pyramid.view import view_config

DATABASE, UPSTREAM = os.environ["DATABASE"], os.environ["UPSTREAM"]
session = requests.Session()
session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=64))


@view_config(route_name="json", renderer="json", request_method="POST")
def json(request):
    return {"message": f"Hello, {request.json_body['name']}!"}


@view_config(route_name="remote", renderer="json", request_method="POST")
def remote(request):
    return session.get(f"{UPSTREAM}/{request.json_body['number']}").json()


@view_config(route_name="complete", renderer="templates/page.jinja2", request_method="GET")
def complete(request):  # noqa: ARG001 - as Pyramid calls it
    with closing(sqlite3.connect(DATABASE)) as database:
        rows = database.execute("SELECT id, time, outcome, name, source FROM records").fetchall()
    rows.append(("added", "2026-01-01 00:00:00", "Hello, you!", "you", "page"))
    rows.sort(key=lambda row: row[1], reverse=True)
    return {"rows": rows}


with Configurator() as config:
    config.include("pyramid_jinja2")
    for name in ("json", "remote", "complete"):
        config.add_route(name, f"/{name}")
    config.scan(__name__)
    app = config.make_wsgi_app()
