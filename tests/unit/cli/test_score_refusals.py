"""`podium score`: rows that can't be answered, and how each of them is told of."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import podium
from podium.scoring.scorer import _numbers
from podium.signature import Field, Signature
from podium.signature.cells import Findings, check_columns
from podium.table import plain_values

Command = Callable[..., tuple[int, str, str]]

BAD = """\
bird,island,body_mass_g,sex,year
a,Biscoe,3750,male,2007
"b
b",Bisco,3750,male,2007
c,Biscoe,heavy,male,
d,Biscoe,1
e,Biscoe,3750,male,2007,more,=cmd()
f,"Bis"coe,3750,male,2007

g,Dream,,NA,2008
=cmd(),=1+cmd,3750,male,2007
"""


def rows_of(path: str) -> list[list[str]]:
    with Path(path).open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


@pytest.fixture
def bad(here: Path) -> Path:
    """A CSV with every kind of bad row."""
    Path("bad.csv").write_text(BAD)
    return Path("bad.csv")


def test_bad_rows_keep_their_place_without_an_answer(
    penguins: Path, bad: Path, podium_run: Command
) -> None:
    code, _, err = podium_run("score", penguins, bad, "-o", "out.csv")

    out = rows_of("out.csv")
    assert code == 3
    assert "scored 3 rows" in err
    assert "refused 5 rows: out.csv.errors.csv" in err
    assert [row[0] for row in out[1:]] == ["a", "b\nb", "c", "d", "e", "f", "g", "=cmd()"]
    assert [row[5] != "" for row in out[1:]] == [
        True, False, False, False, False, True, True, False,
    ]  # fmt: skip
    assert {len(row) for row in out} == {9}


def test_valid_rows_among_invalid_ones_get_the_same_predictions_as_alone(
    penguins: Path, bad: Path, podium_run: Command
) -> None:
    podium_run("score", penguins, bad, "-o", "out.csv")

    alone = podium.load(penguins).predict({"island": "Dream", "year": 2008})
    row = next(row for row in rows_of("out.csv") if row[0] == "g")
    assert row[5] == alone.predictions[0]
    assert [float(cell) for cell in row[6:]] == pytest.approx(alone.probabilities[0].tolist())


def test_the_report_names_line_field_value_problem_and_what_is_accepted(
    penguins: Path, bad: Path, podium_run: Command
) -> None:
    podium_run("score", penguins, bad, "-o", "out.csv")

    islands = "one of Biscoe, Dream, Torgersen"
    assert rows_of("out.csv.errors.csv") == [
        ["line", "field", "value", "problem", "accepted"],
        ["3", "island", "Bisco", "isn't a known category", islands],
        ["5", "body_mass_g", "heavy", "isn't a number", "a number in g, or an empty value"],
        ["5", "year", "", "is missing", "a whole number"],
        ["6", "", "d,Biscoe,1", "has 3 cells", "5 cells"],
        ["7", "", "e,Biscoe,3750,male,2007,more,=cmd()", "has 7 cells", "5 cells"],
        ["11", "island", "'=1+cmd", "isn't a known category", islands],
    ]


def test_warnings_about_refused_rows_are_not_counted(
    penguins: Path, here: Path, podium_run: Command
) -> None:
    Path("in.csv").write_text("island,body_mass_g,year\nDream,9000,2007\nDreem,9000,2007\n")

    _, _, err = podium_run("score", penguins, "in.csv", "-o", "out.csv")

    assert "body_mass_g: 1 value outside the range" in err


def test_the_first_invalid_cells_are_printed_at_once(
    penguins: Path, bad: Path, podium_run: Command
) -> None:
    _, _, err = podium_run("score", penguins, bad, "-o", "out.csv")

    assert "line 3, island 'Bisco': isn't a known category (accepted: one of Biscoe," in err
    assert "line 6: has 3 cells (accepted: 5 cells)" in err
    assert "and more" in err


def test_rows_of_a_parquet_file_are_counted_from_one(
    diabetes: Path, diabetes_rows: pd.DataFrame, here: Path, podium_run: Command
) -> None:
    rows = diabetes_rows.head(5).copy()
    rows.loc[3, "bmi"] = None
    rows.to_parquet("in.parquet")

    code, _, _ = podium_run("score", diabetes, "in.parquet", "-o", "out.parquet")

    assert code == 3
    assert pd.read_parquet("out.parquet")["prediction"].isna().tolist() == [False] * 3 + [
        True,
        False,
    ]
    assert rows_of("out.parquet.errors.csv")[:2] == [
        ["row", "field", "value", "problem", "accepted"],
        ["4", "bmi", "", "is missing", "a number"],
    ]


def test_lines_that_hold_no_object_are_refused_alone(
    penguins: Path, here: Path, podium_run: Command
) -> None:
    good = '{"island": "Dream", "year": 2007}'
    deep = "[" * 5_000 + "]" * 5_000
    Path("in.ndjson").write_text(f"{good}\n[1]\n{{oops\n\n{deep}\n{good}")

    code, _, _ = podium_run("score", penguins, "in.ndjson", "-o", "out.ndjson")

    out = [json.loads(line) for line in Path("out.ndjson").read_text().splitlines()]
    assert code == 3
    assert [row["prediction"] is not None for row in out] == [True, False, False, False, True]
    assert [row[0] for row in rows_of("out.ndjson.errors.csv")] == ["line", "2", "3", "5"]


def test_a_field_that_one_ndjson_line_lacks_is_missing_in_that_line(
    penguins: Path, here: Path, podium_run: Command
) -> None:
    Path("in.ndjson").write_text('{"island": "Dream", "year": 2007}\n{"island": "Dream"}\n')

    code, _, err = podium_run("score", penguins, "in.ndjson", "-o", "out.csv")

    assert code == 3
    assert "line 2, year: is missing" in err


def test_a_row_that_makes_the_model_fail_fails_alone(unlucky: Path, podium_run: Command) -> None:
    ages = [*range(100), 13, *range(20)]
    Path("in.csv").write_text("age\n" + "".join(f"{age}\n" for age in ages))

    code, _, err = podium_run("score", unlucky, "in.csv", "-o", "out.csv")

    out = rows_of("out.csv")[1:]
    assert code == 3
    assert out == [[str(age), "" if age == 13 else f"{2.0 * age}"] for age in ages]
    assert [row[0] for row in rows_of("out.csv.errors.csv")[1:]] == ["15", "102", "116"]
    assert "raised ValueError: 13 is bad luck" in err


def test_a_model_that_fails_on_every_row_stops_soon_and_leaves_nothing(
    unlucky: Path, podium_run: Command
) -> None:
    Path("in.csv").write_text("age\n" + "13\n" * 5_000)

    code, _, err = podium_run("score", unlucky, "in.csv", "-o", "out.csv")

    assert code == 4
    assert "the model fails on every row" in err
    assert "raised ValueError: 13 is bad luck" in err
    assert not list(Path.cwd().glob("*out.csv*"))


def test_too_many_bad_rows_stop_it_with_a_report_but_no_output(
    penguins: Path, bad: Path, podium_run: Command
) -> None:
    code, _, err = podium_run("score", penguins, bad, "-o", "out.csv", "--limit-errors", 2)

    assert code == 3
    assert "stopped after 2 refused rows" in err
    assert "out.csv wasn't written; details: out.csv.errors.csv" in err
    assert [row[0] for row in rows_of("out.csv.errors.csv")] == ["line", "3", "5", "5"]
    assert sorted(p.name for p in Path.cwd().iterdir()) == ["bad.csv", "out.csv.errors.csv"]


def test_the_report_of_a_stopped_run_is_no_reason_to_refuse_the_next(
    penguins: Path, bad: Path, podium_run: Command
) -> None:
    podium_run("score", penguins, bad, "-o", "out.csv", "--limit-errors", 1)
    bad.write_text("\n".join(BAD.splitlines()[:2]))

    code, _, _ = podium_run("score", penguins, bad, "-o", "out.csv")

    assert code == 0
    assert sorted(p.name for p in Path.cwd().iterdir()) == ["bad.csv", "out.csv"]


def test_fewer_bad_rows_than_the_limit_stop_nothing(
    penguins: Path, bad: Path, podium_run: Command
) -> None:
    assert podium_run("score", penguins, bad, "-o", "out.csv", "--limit-errors", 6)[0] == 3
    assert Path("out.csv").exists()


def test_an_older_report_goes_when_nothing_is_refused_any_more(
    penguins: Path, bad: Path, podium_run: Command
) -> None:
    podium_run("score", penguins, bad, "-o", "out.csv")
    bad.write_text("\n".join(BAD.splitlines()[:2]))

    code, _, _ = podium_run("score", penguins, bad, "-o", "out.csv", "--force")

    assert code == 0
    assert not Path("out.csv.errors.csv").exists()


def test_the_report_may_stand_elsewhere_but_replaces_nothing(
    penguins: Path, bad: Path, podium_run: Command
) -> None:
    Path("mine.csv").write_text("mine")
    assert podium_run("score", penguins, bad, "-o", "out.csv", "--errors", "mine.csv")[0] == 1
    assert Path("mine.csv").read_text() == "mine"

    assert podium_run("score", penguins, bad, "-o", "out.csv", "--errors", "new.csv")[0] == 3
    assert len(rows_of("new.csv")) == 7
    assert not Path("out.csv.errors.csv").exists()


FLOAT = Field(name="x", type="float", missing="warn")
INTEGER = Field(name="x", type="integer")
TEXTS = st.one_of(
    st.floats().map(repr),
    st.integers().map(str),
    st.sampled_from(["", " ", "NA", "nan", "1_000", "inf", "-", "1e400", " 7 ", "٣", "0x1", "+5"]),
    st.text(max_size=5),
)


@pytest.mark.slow
@example(["1_000"], FLOAT)
@example(["1_000"], INTEGER)
@example(["٣"], FLOAT)
@example(["٣"], INTEGER)
@example(["1", "", "2"], FLOAT)
@example(["9007199254740993"], INTEGER)
@given(st.lists(TEXTS, max_size=6), st.sampled_from([FLOAT, INTEGER]))
def test_numbers_read_at_once_are_those_that_are_read_with_care(
    texts: list[str], field: Field
) -> None:
    signature = Signature(fields=(field,))
    found = []
    for cells in (texts, _numbers(field, texts)):
        findings = Findings()
        table = check_columns(signature, {"x": cells}, len(texts), "file", findings)
        told = [(cell.row, cell.code) for cell in findings.bad]
        warned = [(one.row, one.code) for one in findings.warnings]
        found.append((plain_values(table.columns["x"]), sorted(told), sorted(warned)))

    assert found[0] == found[1]
