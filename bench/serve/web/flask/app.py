import os
import sqlite3
from contextlib import closing

import requests
from flask import Flask, jsonify, render_template, request

DATABASE, UPSTREAM = os.environ["DATABASE"], os.environ["UPSTREAM"]
app = Flask(__name__)
session = requests.Session()
session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=64))


@app.post("/json")
def json():
    return jsonify(message=f"Hello, {request.get_json()['name']}!")


@app.post("/remote")
def remote():
    number = request.get_json()["number"]
    return jsonify(session.get(f"{UPSTREAM}/{number}").json())


@app.get("/complete")
def complete():
    with closing(sqlite3.connect(DATABASE)) as database:
        rows = database.execute("SELECT id, time, outcome, name, source FROM records").fetchall()
    rows.append(("added", "2026-01-01 00:00:00", "Hello, you!", "you", "page"))
    rows.sort(key=lambda row: row[1], reverse=True)
    return render_template("page.html", rows=rows)
