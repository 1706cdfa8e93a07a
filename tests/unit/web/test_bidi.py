"""Names from right to left, in sentences from left to right."""

from __future__ import annotations

import pytest

from podium.bundle.card import Card, Metric
from podium.explanations.explanation import Explanation
from podium.monitoring.alerts import Alert
from podium.signature import Field, Output, Signature
from podium.web.alerts import _line
from podium.web.bidi import bare, isolated
from podium.web.numbers import headline
from podium.web.why import why_of

HEBREW = "שם הלקוח"
ISOLATED = f"\u2068{HEBREW}\u2069"


@pytest.mark.parametrize("name", [HEBREW, "مدينة", "age שם", "\u202ex"])
def test_what_turns_the_text_is_isolated(name):
    assert isolated(name) == f"\u2068{name}\u2069"


@pytest.mark.parametrize("name", ["age", "größe", "年齢", "👩🏽‍🔬", "", "5 %"])
def test_what_turns_nothing_stays_as_it_is(name):
    assert isolated(name) == name


def test_words_of_an_explanation_isolate_names():
    signature = Signature(
        fields=(Field(name=HEBREW), Field(name="age")),
        outputs=(Output(task="classification", classes=("a", HEBREW), has_probabilities=True),),
    )
    found = Explanation(
        base=0.5,
        value=0.9,
        contributions={HEBREW: 0.3, "age": 0.1},
        link="probability",
        method="enumeration",
        output=0,
        label=1,
        n_background=10,
    )

    words = why_of(signature, found, {HEBREW: 1.0, "age": 2.0}).words

    assert f"the probability of “{ISOLATED}”" in words
    assert f"{ISOLATED} (+" in words
    assert "Age (+" in words
    assert "\u2068" not in bare(words)
    assert f"{HEBREW} (+" in bare(words)


def test_alerts_and_headlines_isolate_names():
    alert = Alert(
        model="m", kind="drift", what="field", name=HEBREW, level="red", state="firing", since_us=0
    )
    metric = Metric(
        name="mean_absolute_error", title="error", value=1.5, better="lower", output=HEBREW
    )
    card = Card(name="m", version="1", metrics=(metric,), metrics_on="holdout", n_metric_rows=5)

    assert _line(alert).sentence.startswith(f"{ISOLATED} drifted")
    assert headline(card).startswith(f"Error of {ISOLATED} 1.5")
