import os
import sqlite3
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass

import aiohttp
from litestar import Litestar, get, post
from litestar.contrib.jinja import JinjaTemplateEngine
from litestar.datastructures import State
from litestar.response import Template
from litestar.template.config import TemplateConfig

DATABASE, UPSTREAM = os.environ["DATABASE"], os.environ["UPSTREAM"]


@dataclass
class Person:
    name: str


@dataclass
class Question:
    number: int


@asynccontextmanager
async def lifespan(app: Litestar):
    async with aiohttp.ClientSession() as app.state.session:
        yield


@post("/json", status_code=200)
async def json(data: Person) -> dict[str, str]:
    return {"message": f"Hello, {data.name}!"}


@post("/remote", status_code=200)
async def remote(data: Question, state: State) -> dict[str, float]:
    async with state.session.get(f"{UPSTREAM}/{data.number}") as response:
        return await response.json()


@get("/complete", sync_to_thread=True)
def complete() -> Template:
    with closing(sqlite3.connect(DATABASE)) as database:
        rows = database.execute("SELECT id, time, outcome, name, source FROM records").fetchall()
    rows.append(("added", "2026-01-01 00:00:00", "Hello, you!", "you", "page"))
    rows.sort(key=lambda row: row[1], reverse=True)
    return Template("page.html", context={"rows": rows})


app = Litestar(
    [json, remote, complete],
    lifespan=[lifespan],
    template_config=TemplateConfig(directory="templates", engine=JinjaTemplateEngine),
)
