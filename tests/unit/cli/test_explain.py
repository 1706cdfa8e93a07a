"""`podium explain`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import podium
from podium.cli.main import run


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> str:
    from sklearn.linear_model import LogisticRegression

    rows = pd.DataFrame({"a": np.linspace(-2, 2, 60), "b": np.arange(60) % 3})
    target = np.where(rows["a"] > 0, "yes", "no")
    folder = tmp_path_factory.mktemp("explain")
    model = LogisticRegression().fit(rows, target)
    return str(podium.pack(model, rows, target, name="m", path=folder).path)


def test_it_says_what_moved_the_answer_and_that_this_is_no_cause(bundle, capsys):
    assert run(["explain", bundle, "a=1.5", "b=1"]) == 0

    out = capsys.readouterr().out
    assert "the probability of “yes”" in out
    assert "What moved it most: A (+" in out
    assert "doesn't say what causes" in out


def test_another_class_can_be_asked_for_as_json(bundle, capsys):
    assert run(["explain", bundle, "a=1.5", "b=1", "--label", "no", "--json"]) == 0

    told = json.loads(capsys.readouterr().out)
    assert told["label"] == "no"
    assert told["base"] + sum(told["contributions"].values()) == pytest.approx(told["value"])


@pytest.mark.parametrize(
    ("more", "code", "words"),
    [
        (["a=1", "b=1", "--label", "maybe"], 3, "known: no, yes"),
        (["a=x", "b=1"], 3, "is not"),
        ([], 2, "give a row"),
        (["--file", "two.json"], 2, "one row"),
    ],
)
def test_what_is_wrong_is_said(bundle, capsys, tmp_path: Path, monkeypatch, more, code, words):
    monkeypatch.chdir(tmp_path)
    Path("two.json").write_text('[{"a": 1, "b": 1}, {"a": 2, "b": 1}]')

    assert run(["explain", bundle, *more]) == code

    assert words in capsys.readouterr().err
