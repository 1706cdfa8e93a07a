import os
import sqlite3
from contextlib import closing

import aiohttp
from emmett import App, request
from emmett.tools import service

DATABASE, UPSTREAM = os.environ["DATABASE"], os.environ["UPSTREAM"]
app = App(__name__)
sessions = []


def session():
    """One for the loop that runs here, made when it is first needed."""
    if not sessions:
        sessions.append(aiohttp.ClientSession())
    return sessions[0]


@app.route("/json", methods="post")
@service.json
async def json():
    body = await request.body_params
    return {"message": f"Hello, {body.name}!"}


@app.route("/remote", methods="post")
@service.json
async def remote():
    body = await request.body_params
    async with session().get(f"{UPSTREAM}/{body.number}") as response:
        return await response.json()


@app.route("/complete", methods="get")
async def complete():
    with closing(sqlite3.connect(DATABASE)) as database:
        rows = database.execute("SELECT id, time, outcome, name, source FROM records").fetchall()
    rows.append(("added", "2026-01-01 00:00:00", "Hello, you!", "you", "page"))
    rows.sort(key=lambda row: row[1], reverse=True)
    return {"rows": rows}
