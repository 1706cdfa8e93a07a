"""Answers for people: numbers, bars, spreads, and the command that asks the same."""

from __future__ import annotations

import shlex
import subprocess

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from podium.bundle.baseline import Baseline, Histogram
from podium.bundle.card import Card, Metric
from podium.signature import Field, Output, Range, Signature
from podium.signature.labels import plain_text
from podium.web.among import among_answers
from podium.web.numbers import headline, metric_text, number_text, percent_text, range_text
from podium.web.result import curl_command, result_of
from podium.web.spread import HEIGHT, spread_of

FIELDS = (Field(name="age", title="Age"),)
NBSP = "\u00a0"


def signature(*outputs: Output) -> Signature:
    return Signature(fields=FIELDS, outputs=outputs or (Output(),))


def classes(*labels) -> Signature:
    return signature(
        Output(name="kind", task="classification", classes=labels, has_probabilities=True)
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (-7.6241, "-7.624"),
        (4500.0, "4500"),
        (10_115, "10,115"),
        (1234567.8, "1,234,568"),
        (0.000012345, "1.234e-05"),
        (1e15, "1e+15"),
        (123.456, "123.5"),
    ],
)
def test_a_number_has_four_digits_that_count(value, text):
    assert number_text(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(3.0, "3"), (3.25, "3.25"), (True, "true"), ("a", "a"), (1e300, "1e+300")]
)
def test_a_value_is_written_as_it_would_be_typed(value, text):
    assert plain_text(value) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0.0 %"), (1e-9, "< 0.1 %"), (0.4567, "45.7 %"), (0.9999, "> 99.9 %"), (1, "100.0 %")],
)
def test_no_probability_is_rounded_to_certainty(share, text):
    assert percent_text(share) == text.replace(" ", NBSP)


@pytest.mark.parametrize(
    ("seen", "text"),
    [
        (Range(32.1, 59.6), f"32.1 to 59.6{NBSP}mm"),
        (Range(5, 5), f"5{NBSP}mm"),
        (Range(None, 5), ""),
        (Range(), ""),
    ],
)
def test_a_range_is_shown_with_its_unit(seen, text):
    assert range_text(seen, "mm") == text


def test_a_range_of_moments_reads_as_moments():
    moments = Range("2024-01-01T00:00:00", "2024-12-31T23:59:59")

    assert range_text(moments) == "2024-01-01 00:00:00 to 2024-12-31 23:59:59"


def test_a_model_is_headline_its_first_figure():
    error = Metric(
        name="mean_absolute_error",
        title="mean absolute error",
        value=11.2,
        better="lower",
        unit="min",
    )
    card = Card(name="x", version="1", metrics=(error,), n_metric_rows=25_000, metrics_on="holdout")

    said = headline(card)

    assert said == f"Mean absolute error 11.2{NBSP}min on 25,000 held-out rows."
    assert headline(Card(name="x", version="1")) == ""


def test_figures_of_training_rows_do_not_look_like_quality():
    accuracy = Metric(name="accuracy", title="accuracy", value=1.0, better="higher")
    error = Metric(name="mean_absolute_error", title="mean absolute error", value=2, better="lower")
    card = Card(
        name="x", version="1", metrics=(accuracy,), n_metric_rows=344, metrics_on="training"
    )

    said = headline(card)

    measured = "Measured on the 344 rows it was trained on"
    assert said == f"{measured}: accuracy 100.0{NBSP}%. Expect less on new ones."
    errors = headline(msgspec.structs.replace(card, metrics=(error,)))
    assert errors == f"{measured}: mean absolute error 2. Expect larger errors on new ones."
    unknown = headline(msgspec.structs.replace(card, metrics_on="unknown"))
    assert unknown.startswith("Measured on 344 rows that it may have been trained on: ")


def test_a_cross_validation_shows_the_spread_of_its_folds():
    accuracy = Metric(name="accuracy", title="accuracy", value=0.971, better="higher", spread=0.008)
    error = Metric(name="mae", title="error", value=11.2, better="lower", unit="min", spread=0.25)
    card = Card(
        name="x",
        version="1",
        metrics=(accuracy, error),
        n_metric_rows=344,
        metrics_on="cross-validation",
        n_folds=5,
    )

    said = headline(card)

    assert said == f"5-fold cross-validation: accuracy 97.1{NBSP}%{NBSP}±{NBSP}0.8{NBSP}%."
    assert metric_text(error) == f"11.2{NBSP}min{NBSP}±{NBSP}0.25{NBSP}min"
    assert card.warning == ""


def test_a_share_is_shown_in_percent():
    accuracy = Metric(name="accuracy", title="accuracy", value=0.988, better="higher")

    assert metric_text(accuracy) == f"98.8{NBSP}%"


def test_a_number_is_shown_with_its_unit():
    result = result_of(signature(Output(name="delay", unit="min")), {"prediction": -7.62412})

    (part,) = result.parts
    assert (part.value, part.unit, part.size) == ("-7.624", "min", "figure")
    assert (result.of, result.title) == ("Delay", "-7.624 min")


def test_an_output_without_a_name_of_its_own_isnt_named():
    assert result_of(signature(), {"prediction": 1.0}).of == ""


@pytest.mark.parametrize("label", [10115, True, "10115", 2.0])
def test_a_class_is_a_name_also_where_it_is_a_number(label):
    answer = {
        "prediction": label,
        "probabilities": {"other": 0.25, {True: "true", 2.0: "2.0"}.get(label, str(label)): 0.75},
    }

    result = result_of(classes(label, "other"), answer)

    assert "," not in result.parts[0].value
    assert [bar.is_top for bar in result.shares[0].bars] == [True, False]


def test_bars_are_sorted_and_the_least_are_folded_away():
    shares = {f"class {i}": i / 190 for i in range(20)}

    result = result_of(classes(*shares), {"prediction": "class 19", "probabilities": shares})

    assert [bar.label for bar in result.shares[0].bars[:2]] == ["class 19", "class 18"]
    assert (len(result.shares[0].bars), len(result.shares[0].more)) == (5, 15)
    assert result.shares[0].bars[0].is_top
    assert float(result.shares[0].bars[0].width) == pytest.approx(10)


def test_the_predicted_class_is_drawn_however_probable_it_is():
    shares = {f"class {i}": i / 190 for i in range(20)}

    result = result_of(classes(*shares), {"prediction": "class 3", "probabilities": shares})

    assert [bar.label for bar in result.shares[0].bars if bar.is_top] == ["class 3"]
    assert sorted(bar.label for bar in (*result.shares[0].bars, *result.shares[0].more)) == sorted(
        shares
    )


def test_no_list_is_folded_for_a_class_or_two():
    shares = {f"class {i}": 1 / 7 for i in range(7)}

    result = result_of(classes(*shares), {"prediction": "class 3", "probabilities": shares})

    assert (len(result.shares[0].bars), result.shares[0].more) == (7, ())


def test_long_labels_get_a_line_of_their_own():
    short = {"prediction": "a", "probabilities": {"a": 1.0}}
    long = {"prediction": "a" * 40, "probabilities": {"a" * 40: 1.0}}

    assert not result_of(classes("a"), short).shares[0].has_long_labels
    assert result_of(classes("a" * 40), long).shares[0].has_long_labels


@pytest.mark.parametrize(("length", "size"), [(5, "figure"), (40, "headline"), (400, "prose")])
def test_an_answer_is_as_large_as_it_is_short(length, size):
    result = result_of(signature(Output(task="value")), {"prediction": "w" * length})

    assert result.parts[0].size == size
    assert len(result.title) <= 61


@pytest.mark.parametrize("value", [None, [], {"a": [1, None]}, [[1.5]], {"é": "<b>"}])
def test_an_answer_that_is_anything_is_shown_as_json(value):
    result = result_of(signature(Output(task="value")), {"prediction": value})

    assert result.parts == ()
    assert msgspec.json.decode(result.code) == value
    assert "\\u" not in result.code
    assert result.title == "Answer"


def test_several_outputs_are_several_parts():
    both = signature(Output(name="low", unit="K"), Output(name="high", title="The most"))

    result = result_of(both, {"prediction": {"low": 1.0, "high": 2.5}})

    assert [(part.label, part.value) for part in result.parts] == [
        ("Low", "1"),
        ("The most", "2.5"),
    ]
    assert result.title == "1 K, 2.5"


@pytest.mark.parametrize(
    ("now", "prediction"),
    [
        (signature(Output(name="low"), Output(name="high")), 4.5),
        (signature(Output(name="low"), Output(name="high")), {"low": 1.0}),
        (signature(), {"low": 1.0, "high": 2.0}),
        (classes("a", "b"), None),
    ],
)
def test_the_answer_of_another_version_is_shown_as_well_as_can_be(now, prediction):
    result = result_of(now, {"prediction": prediction, "probabilities": {"gone": 1.0}})

    assert msgspec.json.decode(result.code) == prediction
    assert [bar.label for bar in result.shares[0].bars] == ["gone"]


def test_a_warning_names_the_field_as_people_read_it():
    warning = {"field": "age", "message": "is outside", "code": "outside"}
    other = {"field": "gone", "message": "is new", "code": "unknown"}

    result = result_of(signature(), {"prediction": 1.0, "warnings": [warning, other]})

    assert result.warnings == (("Age", "is outside"), ("gone", "is new"))


@pytest.mark.slow
@given(
    st.dictionaries(
        st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20),
        st.none()
        | st.booleans()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20),
        max_size=5,
    )
)
def test_the_command_is_quoted_exactly_for_a_shell(row):
    command = curl_command("http://127.0.0.1:8000/it's/predict", row)

    words = shlex.split(command.replace(" \\\n", " "))
    assert words[:2] == ["curl", "http://127.0.0.1:8000/it's/predict"]
    assert words[2:5] == ["-H", "Content-Type: application/json", "-d"]
    assert msgspec.json.decode(words[5]) == row
    assert len(words) == 6


def test_a_real_shell_reads_the_command_so_too():
    row = {"it's": '$(id) `id` \\ " \n !! %s', "</script>": None, "ü": 1.5}
    command = curl_command("http://127.0.0.1:8000/a'b", row).replace("curl", "printf '%s\\0'", 1)

    said = subprocess.run(["/bin/sh", "-c", command], capture_output=True, check=True).stdout

    address, _, header, _, body = said.split(b"\0")[:-1]
    assert (address, header) == (b"http://127.0.0.1:8000/a'b", b"Content-Type: application/json")
    assert msgspec.json.decode(body) == row


def test_a_spread_has_a_bar_for_every_count():
    spread = spread_of(Histogram(n_rows=111, edges=(0, 1, 2, 3, 4), counts=(100, 0, 1, 10)))

    assert spread is not None
    assert spread.width == 39
    assert spread.path.count("M") == 3
    assert f"v-{HEIGHT}h" in spread.path
    assert "v-3h" in spread.path
    assert spread.mark is None


@pytest.mark.parametrize("counts", [(), (5,)])
def test_one_bar_is_no_picture(counts):
    assert spread_of(Histogram(n_rows=5, counts=counts)) is None


@pytest.mark.parametrize(
    ("value", "mark"),
    [(-9.0, 0), (0.0, 0), (0.5, 4.5), (1.0, 10), (5.5, 14.5), (10.0, 19), (99.0, 19)],
)
def test_a_value_is_marked_where_its_bin_is_drawn(value, mark):
    histogram = Histogram(n_rows=3, edges=(0, 1, 10), counts=(1, 2))

    spread = spread_of(histogram, value)

    assert spread is not None
    assert spread.mark == pytest.approx(mark)


@given(st.lists(st.integers(0, 10**9), max_size=60))
def test_no_counts_are_too_odd_for_a_picture(counts):
    spread = spread_of(Histogram(n_rows=sum(counts), counts=tuple(counts)))

    if spread is not None:
        heights = [int(bar.split("v-")[1].split("h")[0]) for bar in spread.path.split("M")[1:]]
        assert all(3 <= height <= HEIGHT for height in heights)


BASELINE = Baseline(outputs={"delay": Histogram(n_rows=3, edges=(0, 1, 2), counts=(1, 2))})


def test_a_number_is_marked_among_the_predictions_for_the_training_rows():
    among = among_answers(
        signature(Output(name="delay", unit="min")), BASELINE, {"prediction": 1.5}
    )

    assert among is not None
    assert f"0 to 2{NBSP}min" in among.caption
    assert among.spread.mark == pytest.approx(14.5)


@pytest.mark.parametrize(
    ("now", "prediction"),
    [
        (classes("a"), "a"),
        (signature(Output(name="other")), 1.0),
        (signature(Output(name="delay"), Output(name="more")), {"delay": 1.0, "more": 1.0}),
        (signature(Output(name="delay")), True),
        (signature(Output(name="delay")), None),
        (signature(Output(name="delay", task="value")), 1.0),
    ],
)
def test_other_predictions_have_no_histogram(now, prediction):
    assert among_answers(now, BASELINE, {"prediction": prediction}) is None
