import json as json_
import os
import sqlite3
from contextlib import closing

import requests
from wheezy.html.ext.template import WhitespaceExtension
from wheezy.html.utils import html_escape
from wheezy.http import WSGIApplication
from wheezy.routing import url
from wheezy.template.engine import Engine
from wheezy.template.ext.core import CoreExtension
from wheezy.template.loader import FileLoader
from wheezy.web.handlers import BaseHandler
from wheezy.web.middleware import bootstrap_defaults, path_routing_middleware_factory
from wheezy.web.templates import WheezyTemplate

DATABASE, UPSTREAM = os.environ["DATABASE"], os.environ["UPSTREAM"]
session = requests.Session()
session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=64))


class Json(BaseHandler):
    def post(self):
        body = json_.load(self.request.stream)
        return self.json_response({"message": f"Hello, {body['name']}!"})


class Remote(BaseHandler):
    def post(self):
        body = json_.load(self.request.stream)
        return self.json_response(session.get(f"{UPSTREAM}/{body['number']}").json())


class Complete(BaseHandler):
    def get(self):
        with closing(sqlite3.connect(DATABASE)) as database:
            query = "SELECT id, time, outcome, name, source FROM records"
            rows = database.execute(query).fetchall()
        rows.append(("added", "2026-01-01 00:00:00", "Hello, you!", "you", "page"))
        rows.sort(key=lambda row: row[1], reverse=True)
        return self.render_response("page.html", rows=rows)


engine = Engine(FileLoader(["templates"]), [CoreExtension(), WhitespaceExtension()])
engine.global_vars["h"] = html_escape
app = WSGIApplication(
    middleware=[
        bootstrap_defaults(
            url_mapping=[
                url("json", Json, name="json"),
                url("remote", Remote, name="remote"),
                url("complete", Complete, name="complete"),
            ]
        ),
        path_routing_middleware_factory,
    ],
    options={"render_template": WheezyTemplate(engine)},
)
