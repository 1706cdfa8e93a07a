"""`podium monitor`: what it prints, and how it ends."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

import podium
from podium.cli.main import run
from podium.testing import Client

RANDOM = np.random.default_rng(0)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A server that answered 400 rows, of which one field had moved."""
    folder = tmp_path_factory.mktemp("monitor")
    rows = pd.DataFrame({"x": RANDOM.normal(size=2_000), "y": RANDOM.normal(size=2_000)})
    target = np.where(rows.y > 0, "yes", "no")
    model = LogisticRegression().fit(rows, target)
    bundle = podium.pack(model, rows, target, path=folder / "c.podium", name="churn", version="1")
    app = podium.App(bundle, home=str(folder / "home"))
    app.start()
    sent = [{"x": x + 1.0, "y": y} for x, y in rows[:400].to_numpy().tolist()]
    assert Client(app).post("/api/models/churn/predict", sent).status == 200
    app.close()
    return folder / "home"


def test_what_drifted_is_printed_first_and_ends_with_its_own_code(home, capsys):
    assert run(["monitor", "churn", "--home", str(home)]) == 5

    printed = capsys.readouterr().out
    assert "churn 1: 400 rows since" in printed
    assert "0 refused" in printed
    first = printed.splitlines()[2]
    assert first.split()[0] == "x"
    assert "red" in first
    assert "1 of 5 drifted." in printed


def test_json_is_what_the_api_tells(home, capsys):
    assert run(["monitor", "churn", "--home", str(home), "--json", "--window", "hour"]) == 5

    value = json.loads(capsys.readouterr().out)
    assert (value["n_rows"], value["level"], value["window"]) == (400, "red", "hour")
    assert sum(value["measured"][0]["counts"]) == 400


def test_nothing_counted_is_no_drift(home, capsys):
    arguments = ["monitor", "churn", "--home", str(home), "--role", "shadow"]

    assert run(arguments) == 0

    printed = capsys.readouterr().out
    assert "churn 1: 0 rows" in printed
    assert "beside it" not in printed


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["other"], "no version of it is registered in this home folder"),
        (["churn", "--window", "year"], "known: hour, day, week"),
        (["churn", "--since", "x"], "write 30m"),
        (["churn", "--version", "9"], "known: 1"),
        (["churn", "--role", "none"], "known: primary, shadow"),
    ],
)
def test_what_cannot_be_reported_ends_with_an_error(home, capsys, arguments, hint):
    assert run(["monitor", *arguments, "--home", str(home)]) not in (0, 5)

    assert hint in capsys.readouterr().err
