"""Columns of files and the fields that they may be."""

from __future__ import annotations

import io

import pytest

from podium.errors import InputError, MalformedBody, SetupError
from podium.scoring import blocks, lines
from podium.scoring.columns import check_columns, lacking_fields, suggestions
from podium.scoring.delimited import DelimitedReader
from podium.scoring.lines import LinesReader
from podium.signature import Field, Signature

SIGNATURE = Signature(
    fields=(
        Field(name="age", type="integer"),
        Field(name="income", type="float", missing="accept"),
    )
)


def test_fields_without_a_column_are_told_or_refused():
    assert check_columns(SIGNATURE, ["income", "age", "x"], "a.csv") == []
    assert check_columns(SIGNATURE, ["age"], "a.csv") == ["income"]
    assert lacking_fields(SIGNATURE, [" age "]) == ["income"]
    with pytest.raises(InputError, match=r"a\.csv lacks a column .* age") as refused:
        check_columns(SIGNATURE, ["Age", "income"], "a.csv")
    assert refused.value.hint == "do these columns need renaming?  'Age' to 'age'"
    with pytest.raises(SetupError, match="two columns called 'age'"):
        check_columns(SIGNATURE, ["age", "age"], "a.csv")


def test_a_column_is_suggested_for_one_field():
    found = suggestions(["income_2020", "income_2021"], ["Income_2021", "x"])

    assert found == {"income_2020": "Income_2021"} or found == {"income_2021": "Income_2021"}
    assert suggestions(["age"], []) == {}


def test_a_line_without_an_end_is_refused_before_it_fills_the_memory(monkeypatch):
    monkeypatch.setattr(blocks, "LINE_BYTES_MAX", 100)
    monkeypatch.setattr(lines, "LINE_BYTES_MAX", 100)
    head, long = io.BytesIO(b"a" * 100), io.BytesIO(b"a,b\n1,2\n" + b"x" * 100)

    with pytest.raises(MalformedBody, match=r"line 1 of f\.csv is longer than 100 bytes"):
        DelimitedReader(io.BufferedReader(head), "f.csv")
    with pytest.raises(MalformedBody, match=r"line 3 of f\.csv is longer"):
        list(DelimitedReader(io.BufferedReader(long), "f.csv").chunks())
    with pytest.raises(MalformedBody, match="line 1 is longer than 100 bytes"):
        list(LinesReader(io.BufferedReader(io.BytesIO(b"x" * 100))).chunks())
