"""The commands under `flask podium`, run by Flask's own command line."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner

import podium as core
from podium.hosts.flask import Podium

sys.path.insert(0, str(Path(__file__).parent))
from exchanges import GOOD, PREDICT
from flask_server import PREFIX
from test_hosts import FUNCTION

VALUES = ["age=41", "member=true", "plan=pro", "since=2024-03-01"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("loans")
    (folder / "flask_cli_loans.py").write_text(FUNCTION)
    sys.path.insert(0, str(folder))
    import flask_cli_loans

    yield core.pack(flask_cli_loans.loans, name="loans", path=folder).path
    sys.path.remove(str(folder))


@pytest.fixture
def app(model: Path, tmp_path: Path) -> Iterator[Flask]:
    app = Flask(__name__, instance_path=str(tmp_path))
    podium = Podium(app, models={"loans": model})
    yield app
    podium.close(app)


@pytest.fixture
def runner(app: Flask) -> FlaskCliRunner:
    return app.test_cli_runner()


def test_the_models_are_listed_with_their_addresses(runner):
    told = runner.invoke(args=["podium", "models"])

    assert told.exit_code == 0
    assert told.output.startswith("loans\n")
    assert f"POST {PREFIX}{PREDICT}" in told.output


def test_a_row_is_predicted_by_the_models_name(runner):
    told = runner.invoke(args=["podium", "predict", "loans", *VALUES])

    assert told.exit_code == 0
    assert "yes  75.0%" in told.output


def test_a_row_that_does_not_fit_ends_with_its_own_code(runner):
    told = runner.invoke(args=["podium", "predict", "loans", "age=x"])

    assert told.exit_code == 3
    assert "age: " in told.output


def test_a_model_that_is_not_there_is_a_wrong_command_line(runner):
    told = runner.invoke(args=["podium", "score", "nope", "in.csv"])

    assert told.exit_code == 2
    assert "known: loans" in told.output


def test_a_file_is_predicted_by_the_models_name(runner, tmp_path):
    rows, answers = tmp_path / "in.csv", tmp_path / "out.csv"
    rows.write_text("age,income,member,plan,note,since\n41,1,true,pro,,2024-03-01\n")

    told = runner.invoke(args=["podium", "score", "loans", str(rows), "-o", str(answers)])

    assert told.exit_code == 0, told.output
    (row,) = csv.DictReader(answers.read_text().splitlines())
    assert row["prediction"] == "yes"


def test_the_help_of_a_command_names_flask_and_models(runner):
    told = runner.invoke(args=["podium", "score", "--help"])

    assert "flask podium score churn in.csv" in told.output
    assert "BUNDLE" not in told.output
    assert "--trust" not in told.output


def test_records_are_printed_and_filtered(app, runner):
    app.test_client().post(PREFIX + PREDICT, json=[GOOD, GOOD | {"member": False}])

    everything = runner.invoke(args=["podium", "records", "loans"])
    some = runner.invoke(args=["podium", "records", "loans", "--outcome", "no"])

    assert everything.exit_code == some.exit_code == 0
    assert [len(told.stdout.splitlines()) for told in (everything, some)] == [3, 2]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["nope"], "no model is called 'nope'"), (["loans", "--since", "x"], "x")],
    ids=["no model", "no day"],
)
def test_records_that_cannot_be_exported_end_with_a_message(runner, arguments, said):
    told = runner.invoke(args=["podium", "records", *arguments])

    assert told.exit_code in (1, 3)
    assert said in told.stderr
    assert "Traceback" not in told.output
