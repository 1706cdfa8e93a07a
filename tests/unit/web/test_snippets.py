"""The programs of the API pages: they parse, send exactly the row, and run."""

from __future__ import annotations

import ast
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

import podium
from podium.flow.formats.csv_rows import CSV
from podium.testing import ServerProcess
from podium.web.examples import Row, text_bodies
from podium.web.snippets import TOKEN, json_lines, snippets

ADDRESS = "http://127.0.0.1:8000/api/models/nasty/predict"
NAMES = (
    "it's",
    'say "hi"',
    '"""',
    "back\\slash",
    "\\",
    "\\u0041",
    "new\nline",
    "cr\rtab\t",
    "bell\a",
    "$HOME ${x} `id` $(id)",
    "</script><b>",
    "</pre>",
    "%d %s {0} {{7}}",
    "__proto__",
    "constructor",
    "@file",
    "#",
    "emoji 😀 é",
    "שלום",
    "\u202eturned",
    "\u2028separated",
    "\U000e0041tag",
)
ROW: Row = {
    **dict.fromkeys(NAMES, 0.1),
    **{f"text {i}": name for i, name in enumerate(NAMES)},
    "missing": None,
    "yes": True,
    "no": False,
    "whole": -(2**53),
    "small": 1e-300,
    "large": 1.5e300,
}
WIDE: Row = {f"feature_{i}": float(i) for i in range(400)}


def programs(row: Row, address: str = ADDRESS, *, has_token: bool = False) -> dict[str, str]:
    made = snippets(address, row, "@a,b\n1,'2'\n", has_token=has_token)
    return {one.title: one.text for one in made}


def of_curl(text: str) -> Any:
    words = shlex.split(text.replace("\\\n", " "))
    assert words[:4] == ["curl", ADDRESS, "-H", "Content-Type: application/json"]
    assert words[4] == "--data-raw"
    return json.loads(words[5])


def of_python(text: str) -> Any:
    found = next(one for one in ast.parse(text).body if isinstance(one, ast.Assign))
    return ast.literal_eval(found.value)


def of_javascript(text: str) -> Any:
    literal = text.partition("const row = ")[2].partition("\n};")[0].rstrip(",") + "}"
    return json.loads(literal.replace('["__proto__"]', '"__proto__"'))


def of_java(text: str) -> Any:
    block = text.partition('"""\n')[2].partition('"""')[0]
    assert block.isascii()
    return json.loads(re.sub(r"\\(.)", r"\1", block))


R_TOKEN = re.compile(
    r'"((?:[^"\\]|\\.)*)"|(TRUE|FALSE|NULL)|(-?\d[\w.+-]*)|([=,()])|\s+', re.DOTALL
)


def of_r(text: str) -> Any:
    """A list of R, read token by token: texts, TRUE, FALSE, NULL, numbers."""
    literal = text.partition("row <- list(")[2].partition("\n)\n")[0]
    values: list[Any] = []
    at = 0
    while at < len(literal):
        found = R_TOKEN.match(literal, at)
        assert found is not None, literal[at : at + 40]
        at = found.end()
        written, word, number, _ = found.groups()
        if written is not None:
            values.append(ast.literal_eval(f'"{written}"'))  # both escape alike
        elif word:
            values.append({"TRUE": True, "FALSE": False, "NULL": None}[word])
        elif number:
            values.append(float(number))
    return dict(zip(values[::2], values[1::2], strict=True))


READERS = {
    "curl": of_curl,
    "Python, requests": of_python,
    "Python, httpx": of_python,
    "JavaScript": of_javascript,
    "R": of_r,
    "Java": of_java,
}


@pytest.mark.parametrize("row", [ROW, WIDE, {}], ids=["nasty", "wide", "empty"])
@pytest.mark.parametrize("title", READERS)
def test_each_language_holds_exactly_the_row(title: str, row: Row) -> None:
    assert READERS[title](programs(row)[title]) == row


@pytest.mark.parametrize("title", READERS)
def test_nothing_in_a_program_is_unseen_or_turns_its_direction(title: str) -> None:
    text = programs(ROW)[title]

    assert [one for one in text if not one.isprintable() and one != "\n"] == []


def test_what_is_typed_first_is_the_row_as_json() -> None:
    assert json.loads(json_lines(ROW)) == ROW
    assert "\u202e" not in json_lines(ROW)


def test_a_table_that_begins_with_an_at_sign_is_no_file() -> None:
    words = shlex.split(programs({})["Many rows, as CSV"].replace("\\\n", " "))

    assert words[-2:] == ["--data-raw", "@a,b\n1,'2'\n"]


def test_programs_take_a_token_from_the_environment_only_where_there_are_tokens() -> None:
    assert [t for t, text in programs(ROW).items() if TOKEN in text] == []
    assert [t for t, text in programs(ROW, has_token=True).items() if TOKEN not in text] == []


# How a program of each language is run: its file, and the command before it.
RUN: Mapping[str, tuple[str, list[str]]] = {
    "curl": ("run.sh", ["sh"]),
    "Many rows, as CSV": ("rows.sh", ["sh"]),
    "Python, requests": ("run.py", [sys.executable]),
    "Python, httpx": ("run.py", [sys.executable]),
    "JavaScript": ("run.mjs", ["node"]),
    "R": ("run.R", ["Rscript"]),
    "Java": ("Predict.java", ["java"]),
}
COLUMNS = [one for one in NAMES if one not in ("\\", "bell\a")]


def can_run(title: str) -> bool:
    tool = RUN[title][1][0]
    if title == "R" and shutil.which(tool):
        wanted = 'stopifnot(requireNamespace("httr2"), requireNamespace("jsonlite"))'
        return not subprocess.run([tool, "-e", wanted], capture_output=True, check=False).returncode
    return shutil.which("curl" if tool == "sh" else tool) is not None


@pytest.mark.slow
def test_programs_print_the_prediction_of_the_example(tmp_path: Path) -> None:
    """Those whose language this machine has: curl and Python always, Node.js, R and Java else."""
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(40, len(COLUMNS))), columns=COLUMNS)
    bundle = podium.pack(
        LinearRegression().fit(frame, frame[COLUMNS[0]]), frame, name="nasty", path=tmp_path
    )
    assert bundle.path is not None
    row = bundle.signature.examples[0]
    printed = {}
    with ServerProcess(str(bundle.path), home=tmp_path / "home") as server:
        address = f"{server.address}/api/models/nasty/predict"
        wanted = httpx.post(address, json=row).json()["prediction"]
        table = text_bodies(bundle.signature)[CSV]
        for one in snippets(address, dict(row), table):
            if not can_run(one.title):
                continue
            name, command = RUN[one.title]
            (tmp_path / name).write_text(one.text, encoding="utf-8")
            done = subprocess.run(
                [*command, str(tmp_path / name)], capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stderr
            printed[one.title] = done.stdout

    print(f"ran: {', '.join(printed)}")
    assert {"curl", "Many rows, as CSV", "Python, requests", "Python, httpx"} <= set(printed)
    digits = f"{wanted:.4g}"
    assert {title: digits in text for title, text in printed.items()} == dict.fromkeys(
        printed, True
    )
