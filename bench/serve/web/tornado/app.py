import asyncio
import json
import os
import sqlite3
import sys
from contextlib import closing

import aiohttp
import tornado

DATABASE, UPSTREAM = os.environ["DATABASE"], os.environ["UPSTREAM"]


class Json(tornado.web.RequestHandler):
    def post(self):
        self.write({"message": f"Hello, {json.loads(self.request.body)['name']}!"})


class Remote(tornado.web.RequestHandler):
    async def post(self):
        number = json.loads(self.request.body)["number"]
        # Not Tornado's own client, which opens a connection for each request.
        async with self.application.session.get(f"{UPSTREAM}/{number}") as response:
            self.write(await response.json())


class Complete(tornado.web.RequestHandler):
    def get(self):
        with closing(sqlite3.connect(DATABASE)) as database:
            query = "SELECT id, time, outcome, name, source FROM records"
            rows = database.execute(query).fetchall()
        rows.append(("added", "2026-01-01 00:00:00", "Hello, you!", "you", "page"))
        rows.sort(key=lambda row: row[1], reverse=True)
        self.render("page.html", rows=rows)


async def main():
    routes = [("/json", Json), ("/remote", Remote), ("/complete", Complete)]
    app = tornado.web.Application(routes, template_path="templates")
    app.listen(int(sys.argv[1]), "127.0.0.1")
    async with aiohttp.ClientSession() as app.session:
        await asyncio.Event().wait()


asyncio.run(main())
