import os
import sqlite3
from contextlib import asynccontextmanager, closing

import aiohttp
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse
from fastapi.templating import Jinja2Templates
from pydantic import BaseModel

DATABASE, UPSTREAM = os.environ["DATABASE"], os.environ["UPSTREAM"]


@asynccontextmanager
async def lifespan(app: FastAPI):
    async with aiohttp.ClientSession() as app.state.session:
        yield


app = FastAPI(lifespan=lifespan)
templates = Jinja2Templates(directory="templates")


class Person(BaseModel):
    name: str


class Question(BaseModel):
    number: int


@app.post("/json")
async def json(person: Person) -> dict[str, str]:
    return {"message": f"Hello, {person.name}!"}


@app.post("/remote")
async def remote(question: Question) -> dict[str, float]:
    async with app.state.session.get(f"{UPSTREAM}/{question.number}") as response:
        return await response.json()


@app.get("/complete", response_class=HTMLResponse)
def complete(request: Request):
    with closing(sqlite3.connect(DATABASE)) as database:
        rows = database.execute("SELECT id, time, outcome, name, source FROM records").fetchall()
    rows.append(("added", "2026-01-01 00:00:00", "Hello, you!", "you", "page"))
    rows.sort(key=lambda row: row[1], reverse=True)
    return templates.TemplateResponse(request, "page.html", {"rows": rows})
