"""`podium predict`: what it answers, and what it says to those who mistype."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

import podium
from podium.deployments.traffic import Traffic
from podium.flow.predict import PredictionService
from podium.flow.request import PredictRequest
from podium.flow.version import LoadedVersion

Command = Callable[..., tuple[int, str, str]]

PENGUIN = {
    "island": "Biscoe",
    "bill_length_mm": 47.5,
    "bill_depth_mm": 15.0,
    "flipper_length_mm": 218,
    "body_mass_g": 4950,
    "sex": "female",
    "year": 2009,
}
GIVEN = [f"{name}={value}" for name, value in PENGUIN.items()]


@pytest.fixture(scope="module")
def odd_names(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle whose fields are called as fields may be called."""
    names = ["monthly fee", "plan", "plan=pro", "-x", "年齢"]
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(30, 5)), columns=names)
    path = tmp_path_factory.mktemp("odd") / "odd names.podium"
    podium.pack(LinearRegression().fit(X, X["plan=pro"]), X, X["plan"], name="odd", path=path)
    return path


def test_a_row_gets_its_prediction_and_every_probability(
    penguins: Path, podium_run: Command
) -> None:
    code, out, err = podium_run("predict", penguins, *GIVEN)

    assert (code, err) == (0, "")
    assert out.splitlines()[0].split() == ["Species", "Gentoo"]
    assert [line.split()[0] for line in out.splitlines()[2:]] == ["Gentoo", "Chinstrap", "Adelie"]
    assert "█" in out


def test_a_number_comes_with_its_unit(diabetes: Path, podium_run: Command) -> None:
    row = podium.load(diabetes).signature.examples[0]

    _, out, _ = podium_run("predict", diabetes, *[f"{n}={v}" for n, v in row.items()])

    value = podium.load(diabetes).predict(row).predictions[0]
    assert out.split() == ["Target", f"{value:.3f}".rstrip("0"), "points"]


def test_json_is_byte_for_byte_the_response_of_the_api(penguins: Path, podium_run: Command) -> None:
    bundle = podium.load(penguins)
    asked = PredictRequest(json.dumps(PENGUIN).encode(), "application/json")

    code, out, _ = podium_run("predict", penguins, *GIVEN, "--json")

    assert code == 0
    assert (
        out.encode()
        == PredictionService().predict(Traffic(LoadedVersion(bundle)), asked).body + b"\n"
    )


def test_a_value_outside_the_training_range_is_predicted_with_a_warning(
    penguins: Path, podium_run: Command
) -> None:
    code, out, _ = podium_run("predict", penguins, *GIVEN, "body_mass_g=9000", "year=2009")
    assert code == 2  # given twice

    heavy = [one for one in GIVEN if not one.startswith("body_mass_g")]
    code, out, _ = podium_run("predict", penguins, *heavy, "body_mass_g=9000")

    assert code == 0
    assert "warning: body_mass_g: 9000" in out
    assert "outside the range seen in training, 2700 to 6300 g" in out


def test_a_field_that_may_be_missing_may_be_left_out_or_empty(
    penguins: Path, podium_run: Command
) -> None:
    left_out = podium_run("predict", penguins, "island=Dream", "year=2008", "--json")
    empty = podium_run("predict", penguins, "island=Dream", "sex=", "year=2008", "--json")

    assert left_out[0] == 0
    assert left_out == empty


def test_every_bad_value_is_listed_with_what_would_be_accepted(
    penguins: Path, podium_run: Command
) -> None:
    code, out, err = podium_run(
        "predict", penguins, "island=Bisco", "bill_length=39.1", "body_mass_g=heavy"
    )

    assert (code, out) == (3, "")
    assert "4 values are not accepted" in err
    assert "bill_length: isn't a field of this model (accepted: did you mean bill_length_mm?" in err
    assert "island: isn't a known category (accepted: one of Biscoe, Dream, Torgersen)" in err
    assert "body_mass_g: isn't a number (accepted: a number in g, or an empty value)" in err
    assert "year: is missing (accepted: a whole number)" in err
    assert f"podium predict {penguins} shows every field" in err


@pytest.mark.parametrize("bundle", ["penguins", "diabetes", "odd_names"])
def test_without_values_it_shows_the_fields_and_a_command_line_that_works(
    bundle: str, request: pytest.FixtureRequest, podium_run: Command
) -> None:
    path = request.getfixturevalue(bundle)

    code, out, _ = podium_run("predict", path)

    assert code == 0
    for name in podium.load(path).signature.names:
        assert name in out
    command = shlex.split(out.splitlines()[-1])
    assert command[:3] == ["podium", "predict", str(path)]
    assert podium_run(*command[1:])[0] == 0


def test_names_may_hold_spaces_and_equals_signs_and_so_may_values(
    odd_names: Path, podium_run: Command
) -> None:
    values = ["monthly fee=1", "plan=2", "plan=pro=3", "-x=4", "年齢=5"]

    code, out, _ = podium_run("predict", odd_names, "--json", "--", *values)

    assert code == 0
    row = dict(zip(podium.load(odd_names).signature.names, [1.0, 2.0, 3.0, 4.0, 5.0], strict=True))
    expected = podium.load(odd_names).predict(row).predictions[0]
    assert json.loads(out)["prediction"] == expected


def test_a_value_without_an_equals_sign_is_refused_with_how_to_write_it(
    penguins: Path, podium_run: Command
) -> None:
    code, _, err = podium_run("predict", penguins, "41")

    assert code == 2
    assert "'41' has no '='" in err
    assert "podium predict" in err
    assert "island=Torgersen" in err


def test_a_file_given_as_a_value_is_refused_with_the_option_for_files(
    penguins: Path, here: Path, podium_run: Command
) -> None:
    Path("rows.csv").write_text("x\n")

    code, _, err = podium_run("predict", penguins, "rows.csv")

    assert code == 2
    assert f"podium predict {penguins} --file rows.csv" in err


@pytest.mark.parametrize("name", ["rows.json", "rows.ndjson", "rows.csv", "rows"])
def test_rows_of_a_file_are_predicted_row_by_row(
    name: str, penguins: Path, penguins_rows: pd.DataFrame, here: Path, podium_run: Command
) -> None:
    rows = penguins_rows.drop(columns="species").head(5)
    written = {
        "rows.json": rows.to_json(orient="records"),
        "rows.ndjson": rows.to_json(orient="records", lines=True),
    }
    Path(name).write_text(written.get(name, rows.to_csv(index=False)))

    code, out, err = podium_run("predict", penguins, "--file", name)

    assert (code, err) == (0, "")
    assert out.splitlines()[0].split() == ["row", "Species", "probability"]
    assert [line.split()[:2] for line in out.splitlines()[1:]] == [
        [str(row), "Adelie"] for row in range(5)
    ]


def test_a_file_with_other_columns_is_refused_with_the_command_for_files(
    penguins: Path, penguins_rows: pd.DataFrame, here: Path, podium_run: Command
) -> None:
    penguins_rows.head(5).to_csv("rows.csv", index=False)

    code, _, err = podium_run("predict", penguins, "--file", "rows.csv")

    assert code == 3
    assert "species: isn't a field of this model" in err
    assert "podium score predicts files, and ignores other columns" in err


def test_warnings_about_many_rows_name_their_row(
    penguins: Path, here: Path, podium_run: Command
) -> None:
    Path("rows.json").write_text(json.dumps([PENGUIN, PENGUIN | {"year": 2031}]))

    _, out, _ = podium_run("predict", penguins, "--file", "rows.json")

    assert "warning: row 1, year: 2031 is outside" in out


@pytest.mark.slow
def test_an_example_goes_through_a_pipe_and_is_predicted(
    penguins: Path, podium_process: Callable[..., object]
) -> None:
    example = podium_process("predict", penguins, "--example")

    answer = podium_process("predict", penguins, "-", "--json", input=example.stdout)

    assert json.loads(example.stdout)["island"] == "Torgersen"
    assert answer.returncode == 0
    assert json.loads(answer.stdout)["prediction"] == "Adelie"


@pytest.mark.slow
def test_a_model_with_many_fields_offers_a_pipe_instead_of_a_long_line(
    here: Path, podium_run: Command
) -> None:
    X = pd.DataFrame(np.eye(40), columns=[f"f{i}" for i in range(40)])
    podium.pack(LinearRegression().fit(X, X["f0"]), X, name="wide", path=here)

    _, out, _ = podium_run("predict", "wide.podium")

    said = "podium predict wide.podium --example | podium predict wide.podium -"
    assert out.splitlines()[-1].strip() == said


def test_several_outputs_are_each_shown(here: Path, podium_run: Command) -> None:
    X = pd.DataFrame({"x": np.arange(20.0)})
    y = pd.DataFrame({"low": X["x"], "high": 2 * X["x"]})
    podium.pack(LinearRegression().fit(X, y), X, y, name="two", path=here)

    _, one, _ = podium_run("predict", "two.podium", "x=4")
    Path("rows.csv").write_text("x\n4\n5\n")
    _, many, _ = podium_run("predict", "two.podium", "--file", "rows.csv")

    assert [line.split() for line in one.splitlines()] == [["Low", "4"], ["High", "8"]]
    assert [line.split() for line in many.splitlines()] == [
        ["row", "Low", "High"],
        ["0", "4", "8"],
        ["1", "5", "10"],
    ]


def test_a_pickle_predicts_only_with_its_digest(pickled: Path, podium_run: Command) -> None:
    code, _, err = podium_run("predict", pickled, "x=3")
    digest = podium.load(pickled).options["sha256"]

    assert code == 1
    assert f"--trust sha256:{digest}" in err
    assert podium_run("predict", pickled, "x=3", "--trust", f"sha256:{digest}")[0] == 0


def test_the_command_line_that_is_shown_for_a_pickle_trusts_it(
    pickled: Path, podium_run: Command
) -> None:
    _, out, _ = podium_run("predict", pickled)

    assert podium_run(*shlex.split(out.splitlines()[-1])[1:])[0] == 0


@pytest.mark.slow
def test_letters_that_the_terminal_lacks_are_no_error(
    odd_names: Path, podium_process: Callable[..., object]
) -> None:
    import os

    ascii_only = os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C"}

    done = podium_process("predict", odd_names, env=ascii_only)

    assert (done.returncode, done.stderr) == (0, b"")
    assert b"monthly fee" in done.stdout


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["nothere.podium", "x=1"], "nothere.podium"),
        (["rows.csv", "x=1"], "isn't a bundle"),
    ],
)
def test_what_is_not_a_bundle_is_refused(
    args: list[str], says: str, here: Path, podium_run: Command
) -> None:
    Path("rows.csv").write_text("x\n1\n")

    code, out, err = podium_run("predict", *args)

    assert (code, out) == (1, "")
    assert says in err


def test_a_body_that_is_no_json_is_refused(penguins: Path, here: Path, podium_run: Command) -> None:
    Path("row.json").write_text('{"island": ')

    code, _, err = podium_run("predict", penguins, "--file", "row.json")

    assert code == 3
    assert "isn't JSON" in err


def test_a_missing_file_is_reported(penguins: Path, here: Path, podium_run: Command) -> None:
    code, _, err = podium_run("predict", penguins, "--file", "row.json")

    assert code == 1
    assert "row.json can't be read: No such file" in err


def test_values_and_a_file_at_once_are_refused(penguins: Path, podium_run: Command) -> None:
    code, _, err = podium_run("predict", penguins, "year=1", "--file", "row.json")

    assert code == 2
    assert "not both" in err
