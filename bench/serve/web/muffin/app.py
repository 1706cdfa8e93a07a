import os
import sqlite3
from contextlib import closing

import aiohttp
import muffin
from jinja2 import Environment, FileSystemLoader

DATABASE, UPSTREAM = os.environ["DATABASE"], os.environ["UPSTREAM"]
page = Environment(loader=FileSystemLoader("templates"), autoescape=True).get_template("page.html")
app = muffin.Application()


@app.on_startup
async def start():
    app.session = aiohttp.ClientSession()


@app.on_shutdown
async def stop():
    await app.session.close()


@app.route("/json", methods=["POST"])
async def json(request):
    return {"message": f"Hello, {(await request.json())['name']}!"}


@app.route("/remote", methods=["POST"])
async def remote(request):
    number = (await request.json())["number"]
    async with app.session.get(f"{UPSTREAM}/{number}") as response:
        return await response.json()


@app.route("/complete", methods=["GET"])
async def complete(request):  # noqa: ARG001 - as muffin calls it
    with closing(sqlite3.connect(DATABASE)) as database:
        rows = database.execute("SELECT id, time, outcome, name, source FROM records").fetchall()
    rows.append(("added", "2026-01-01 00:00:00", "Hello, you!", "you", "page"))
    rows.sort(key=lambda row: row[1], reverse=True)
    return page.render(rows=rows)
