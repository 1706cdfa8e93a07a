import os
import sqlite3
from contextlib import closing

import falcon
import requests
from jinja2 import Environment, FileSystemLoader

DATABASE, UPSTREAM = os.environ["DATABASE"], os.environ["UPSTREAM"]
session = requests.Session()
session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=64))
page = Environment(loader=FileSystemLoader("templates"), autoescape=True).get_template("page.html")


class Json:
    def on_post(self, req, resp):
        resp.media = {"message": f"Hello, {req.get_media()['name']}!"}


class Remote:
    def on_post(self, req, resp):
        resp.media = session.get(f"{UPSTREAM}/{req.get_media()['number']}").json()


class Complete:
    def on_get(self, req, resp):  # noqa: ARG002 - as Falcon calls it
        with closing(sqlite3.connect(DATABASE)) as database:
            query = "SELECT id, time, outcome, name, source FROM records"
            rows = database.execute(query).fetchall()
        rows.append(("added", "2026-01-01 00:00:00", "Hello, you!", "you", "page"))
        rows.sort(key=lambda row: row[1], reverse=True)
        resp.content_type = falcon.MEDIA_HTML
        resp.text = page.render(rows=rows)


app = falcon.App()
app.add_route("/json", Json())
app.add_route("/remote", Remote())
app.add_route("/complete", Complete())
