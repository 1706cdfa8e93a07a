import os
import sqlite3
from contextlib import closing

import bottle
import requests
from bottle import get, post, request, template

DATABASE, UPSTREAM = os.environ["DATABASE"], os.environ["UPSTREAM"]
session = requests.Session()
session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=64))


@post("/json")
def json():
    return {"message": f"Hello, {request.json['name']}!"}


@post("/remote")
def remote():
    return session.get(f"{UPSTREAM}/{request.json['number']}").json()


@get("/complete")
def complete():
    with closing(sqlite3.connect(DATABASE)) as database:
        rows = database.execute("SELECT id, time, outcome, name, source FROM records").fetchall()
    rows.append(("added", "2026-01-01 00:00:00", "Hello, you!", "you", "page"))
    rows.sort(key=lambda row: row[1], reverse=True)
    return template("page", rows=rows)


app = bottle.default_app()
