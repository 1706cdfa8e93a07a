"""Which values a field takes, and what is said of those that it refuses."""

from __future__ import annotations

import datetime as dt
import math

import numpy as np
import pytest

from podium.errors import InvalidRows
from podium.signature import Category, Field, Range, Signature
from podium.signature.cells import ABSENT, Findings, check_columns, check_table
from podium.table import Table

FIELDS = (
    Field(name="age", type="integer", bounds=Range(0, 120)),
    Field(name="income", type="float", missing="accept", seen=Range(0.0, 90_000.0)),
    Field(name="member", type="boolean"),
    Field(name="plan", type="category", categories=(Category("basic"), Category("pro"))),
    Field(name="note", type="text", max_length=20, missing="accept"),
    Field(name="since", type="date", missing="warn"),
    Field(name="at", type="datetime", missing="accept"),
)
SIGNATURE = Signature(fields=FIELDS)
GOOD = {
    "age": 41,
    "income": 1_000.5,
    "member": True,
    "plan": "pro",
    "note": "hello",
    "since": "2024-03-01",
    "at": "2024-03-01T12:30:00Z",
}


def check(written="values", **cells):
    findings = Findings()
    columns = {name: [value] for name, value in (GOOD | cells).items()}
    table = check_columns(SIGNATURE, columns, 1, written, findings)
    return table, findings


def test_a_good_row_becomes_typed_columns():
    table, findings = check()

    assert findings.bad == []
    assert [c.dtype.kind for c in table.columns.values()] == ["i", "f", "b", "O", "O", "M", "M"]
    assert str(table.columns["at"][0]) == "2024-03-01T12:30:00.000000"


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("age", "41", "wrong_type"),
        ("age", 41.5, "wrong_type"),
        ("age", True, "wrong_type"),
        ("age", -1, "out_of_range"),
        ("age", 121, "out_of_range"),
        ("age", 2**60, "out_of_range"),
        ("age", None, "missing"),
        ("age", [1], "wrong_type"),
        ("income", "much", "wrong_type"),
        ("income", math.inf, "not_finite"),
        ("income", 10**400, "not_finite"),
        ("income", {"a": 1}, "wrong_type"),
        ("member", 1, "wrong_type"),
        ("member", "true", "wrong_type"),
        ("plan", "gold", "unknown_category"),
        ("plan", 1, "unknown_category"),
        ("plan", ["pro"], "wrong_type"),
        ("note", "x" * 21, "too_long"),
        ("note", "a\x00b", "nul"),
        ("note", "a\ud800b", "surrogate"),
        ("note", 7, "wrong_type"),
        ("since", "2024-02-30", "wrong_type"),
        ("since", "1.3.2024", "wrong_type"),
        ("since", "0000-01-01", "wrong_type"),
        ("since", "2024-03-01T00:00:01", "wrong_type"),
        ("at", "2024-03-01T25:00", "wrong_type"),
        ("at", "yesterday", "wrong_type"),
    ],
)
def test_a_bad_value_is_refused_with_its_reason(name, value, code):
    _, findings = check(**{name: value})

    (cell,) = findings.bad
    assert (cell.field, cell.code, cell.row) == (name, code, 0)
    assert cell.problem
    assert cell.accepted


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (b"pro", "is bytes, not"),
        (dt.datetime(2024, 1, 1, tzinfo=dt.UTC), "is a time, not"),
        (dt.date(2024, 1, 1), "is a date, not"),
    ],
)
def test_values_that_only_columns_of_files_have_are_called_by_plain_words(value, says):
    for name in ("age", "plan"):
        (cell,) = check(**{name: value})[1].bad
        assert cell.problem.startswith(says)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("age", " 41 ", 41),
        ("age", "41.0", 41),
        ("income", "1e3", 1_000.0),
        ("income", "", None),
        ("member", "yes", True),
        ("member", "off", False),
        ("plan", "pro", "pro"),
        ("at", "2024-03-01 12:30", "2024-03-01T12:30:00.000000"),
    ],
)
def test_texts_are_read_as_their_field_means_them(name, text, value):
    table, findings = check("form", **{name: text})

    assert findings.bad == []
    cell = table.columns[name][0]
    if value is None:
        assert np.isnan(cell)
    else:
        assert (str(cell) if isinstance(value, str) else cell) == value


@pytest.mark.parametrize("written", ["values", "form", "file"])
@pytest.mark.parametrize(
    "text", ["2024-03-01", "2024-03-01T00:00:00.000", "2024-03-01 00:00", "2024-03-01T00:00:00Z"]
)
def test_a_day_may_be_written_as_its_midnight(text, written):
    table, findings = check(written, since=text)

    assert findings.bad == []
    assert str(table.columns["since"][0]) == "2024-03-01"


@pytest.mark.parametrize("text", ["nan", "inf", "1_000", "0x10", "١٢", "1,5", "--1", ""])
def test_a_form_takes_no_odd_spelling_of_a_number(text):
    _, findings = check("form", age=text)

    assert findings.n_bad == 1


@pytest.mark.parametrize("text", ["", "NA", "NaN", "null", "None"])
def test_files_spell_missing_values_in_many_ways(text):
    table, findings = check("file", income=text)

    assert findings.bad == []
    assert np.isnan(table.columns["income"][0])


def test_a_category_called_NA_is_no_missing_value():
    signature = Signature(
        fields=(
            Field(name="country", type="category", categories=(Category("NA"), Category("DE"))),
        )
    )

    table = check_columns(signature, {"country": ["NA"]}, 1, "file", Findings())

    assert table.columns["country"].tolist() == ["NA"]


def test_every_bad_cell_is_named_row_by_row():
    rows = [GOOD, GOOD | {"age": "x", "plan": "y"}, GOOD | {"age": None}]

    with pytest.raises(InvalidRows) as caught:
        check_table(SIGNATURE, Table.of(rows))

    assert [(c.row, c.field) for c in caught.value.cells] == [(1, "age"), (1, "plan"), (2, "age")]


def test_an_unknown_field_is_refused_and_the_nearest_name_is_offered():
    _, findings = check(incme=3)

    (cell,) = findings.bad
    assert cell.code == "unknown_field"
    assert "did you mean income?" in cell.accepted


def test_a_field_that_may_be_missing_may_be_left_out():
    given = {name: [value] for name, value in GOOD.items() if name not in ("income", "plan")}
    findings = Findings()

    table = check_columns(SIGNATURE, given, 1, "values", findings)

    assert [(c.field, c.code) for c in findings.bad] == [("plan", "missing")]
    assert np.isnan(table.columns["income"][0])


def test_values_outside_the_range_of_training_warn():
    _, findings = check(income=1e6)

    (warning,) = findings.warnings
    assert findings.bad == []
    assert warning.message == "1000000 is outside the range seen in training, 0 to 90000"


def test_missing_values_warn_if_the_signature_says_so():
    _, findings = check(since=None)

    assert [(w.field, w.code) for w in findings.warnings] == [("since", "missing")]


def test_a_limited_number_of_invalid_cells_is_recorded_but_all_are_counted():
    findings = Findings(recorded_max=3)
    signature = Signature(fields=(Field(name="x"),))

    check_columns(signature, {"x": ["bad"] * 10}, 10, "values", findings)

    assert (len(findings.bad), findings.n_bad, len(findings.bad_rows)) == (3, 10, 10)


def test_whole_arrays_pass_as_they_are():
    signature = Signature(fields=(Field(name="x", missing="accept"),))
    column = np.array([1.0, np.nan])

    table = check_columns(signature, {"x": column}, 2, "values", Findings())

    assert table.columns["x"] is column


def test_an_infinite_cell_of_an_array_is_refused():
    findings = Findings()

    check_columns(
        Signature(fields=(Field(name="x"),)), {"x": np.array([np.inf])}, 1, "values", findings
    )

    assert [c.code for c in findings.bad] == ["not_finite"]


def test_equal_labels_of_other_types_are_other_labels():
    signature = Signature(
        fields=(
            Field(
                name="x", type="category", categories=(Category(1), Category("1"), Category(True))
            ),
        )
    )

    table = check_columns(signature, {"x": [1, "1", True]}, 3, "values", Findings())

    assert [type(v) for v in table.columns["x"]] == [int, str, bool]


def test_what_is_shown_of_a_value_is_short_and_printable():
    _, findings = check(age="x" * 500 + "\x1b[31m")

    assert len(findings.bad[0].value) <= 80
    assert "\x1b" not in findings.bad[0].value


@pytest.mark.parametrize(
    ("one", "would_be"),
    [
        (Field(name="plan", type="category", unknown="warn", missing="warn"), "a label, or null"),
        (Field(name="age", type="integer", missing="warn"), "a whole number, or null"),
        (Field(name="since", type="date", missing="warn"), "a date like 2024-03-01, or null"),
    ],
)
@pytest.mark.parametrize("has_column", [False, True])
def test_a_field_left_out_is_refused_where_null_is_accepted(one, would_be, has_column):
    signature, findings = Signature(fields=(one,)), Findings()
    columns = {one.name: [ABSENT]} if has_column else {}

    check_columns(signature, columns, 1, "values", findings)

    (refused,) = findings.bad
    assert (refused.problem, refused.accepted) == ("was left out", would_be)
    check_columns(signature, {one.name: [None]}, 1, "values", again := Findings())
    assert again.bad == []


def test_in_a_text_a_missing_value_is_an_empty_one():
    _, findings = check("form", income="much")

    assert findings.bad[0].accepted == "a number, or an empty value"
