"""Explanations for people: the words, the bars, and the units of what they add up in."""

from __future__ import annotations

from typing import Any

import pytest

from podium.explanations.explanation import Explanation
from podium.signature import Field, Output, Signature
from podium.web.numbers import SPACE
from podium.web.why import BARS_MAX, why_of

NUMBER = Output(name="rent", unit="EUR")
CLASSES = Output(name="sold", task="classification", classes=("no", "yes"), has_probabilities=True)


def why(output: Output, contributions: dict[str, float], **more: Any):
    signature = Signature(
        fields=tuple(Field(name=name, title=name.upper()) for name in contributions),
        outputs=(output,),
    )
    base = more.pop("base", 0.0)
    found = Explanation(
        base=base,
        value=base + sum(contributions.values()),
        contributions=contributions,
        link=more.pop("link", "identity"),
        method="enumeration",
        n_background=100,
        **more,
    )
    return why_of(signature, found, dict.fromkeys(contributions, 2.5))


def test_the_largest_contributions_come_first_and_the_rest_is_added_up():
    amounts = {f"f{i}": (-1.0) ** i * (i + 1) for i in range(BARS_MAX + 3)}

    shown = why(NUMBER, amounts)

    assert [bar.label for bar in shown.bars[:2]] == ["F12", "F11"]
    assert len(shown.bars) == BARS_MAX + 1
    assert shown.bars[-1].label == "3 other fields"
    assert shown.bars[-1].text == f"+2{SPACE}EUR"
    assert not any(bar.label == "F0" for bar in shown.bars)


def test_bars_begin_in_the_middle_and_go_up_or_down():
    up, down = why(NUMBER, {"a": 4.0, "b": -2.0}).bars

    assert (up.start, up.width, up.is_up) == ("50.00", "48.00", True)
    assert (down.start, down.width, down.is_up) == ("26.00", "24.00", False)


@pytest.mark.parametrize(
    ("output", "more", "words", "text"),
    [
        (NUMBER, {}, f"the prediction is 0{SPACE}EUR; here it is 0.5{SPACE}EUR", f"+0.5{SPACE}EUR"),
        (
            CLASSES,
            {"link": "probability", "label": 1, "base": 0.25},
            f"the probability of “yes” is 25.0{SPACE}%; here it is 75.0{SPACE}%",
            f"+50.0{SPACE}points",
        ),
        (
            CLASSES,
            {"link": "log-odds", "label": 0},
            f"the probability of “no” is 50.0{SPACE}%; here it is 62.2{SPACE}%",
            f"+0.50{SPACE}log-odds",
        ),
        (
            NUMBER,
            {"link": "log"},
            f"the prediction is 1{SPACE}EUR; here it is 1.649{SPACE}EUR",
            f"\N{MULTIPLICATION SIGN}{SPACE}1.65",
        ),
    ],
)
def test_each_link_has_units_that_people_know(output, more, words, text):
    shown = why(output, {"a": 0.5}, **more)

    assert words in shown.words
    assert shown.bars[0].text == text


def test_nothing_that_differs_is_said_too():
    shown = why(NUMBER, {"a": 0.0})

    assert shown.bars == ()
    assert "No field differs" in shown.words


def test_estimates_say_how_far_they_may_be_off():
    shown = why(NUMBER, {"a": 3.0}, standard_errors={"a": 0.5})

    assert f"within 0.98{SPACE}EUR" in shown.note
    assert why(NUMBER, {"a": 3.0}).note == ""


@pytest.mark.parametrize("amount", [1e308, -1e308, 800.0, -800.0, 1e-300])
@pytest.mark.parametrize("link", ["identity", "log-odds", "log", "probability"])
def test_no_number_is_too_large(amount, link):
    assert why(CLASSES, {"a": amount}, link=link, label=1).bars[0].text
