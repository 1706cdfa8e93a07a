"""Of several outputs all are compared: the mean decides, and none may be worse."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import hamming_loss, mean_absolute_error, mean_pinball_loss

from podium.comparison import compare as compare_module
from podium.comparison.parts import RowLosses, parts_of
from podium.errors import SetupError
from podium.signature import Output, Signature

N_ROWS = 400


def answers(rng: np.random.Generator, *errors: float) -> list[dict[str, Any]]:
    """Rows of two numbers that are 0, with errors of these sizes."""
    found = rng.normal(0, errors, (N_ROWS, 2))
    return [{"prediction": {"y0": a, "y1": b}} for a, b in found.tolist()]


def both(pairs, errors_1: tuple[float, float], errors_2: tuple[float, float]) -> None:
    rng, truths = np.random.default_rng(0), [{"y0": 0.0, "y1": 0.0}] * N_ROWS
    pairs.add("1", answers(rng, *errors_1), truths)
    pairs.add("2", answers(rng, *errors_2), truths)


def gate(found: Any, name: str = "outputs") -> Any:
    return next(one for one in found.gates if one.name == name)


def test_the_mean_of_the_outputs_decides(pairs):
    both(pairs, (2.0, 1.0), (1.0, 1.0))

    found = pairs.compare()

    mean, *each = found.differences
    assert (mean.output, mean.title) == ("", "mean absolute error, mean of 2 outputs")
    assert [(one.output, one.name) for one in each] == [
        (output, name)
        for output in ("y0", "y1")
        for name in ("mean_absolute_error", "root_mean_squared_error")
    ]
    assert mean.a == pytest.approx((each[0].a + each[2].a) / 2)
    assert (found.output, found.improvement.decided) == ("", "b")
    assert "The mean of 2 outputs decides." in found.notes
    assert (gate(found, "difference").status, gate(found).status) == ("pass", "pass")
    assert "0 of 2 outputs" in gate(found).sentence


def test_an_output_that_is_worse_refuses_what_is_better_on_the_mean(pairs):
    both(pairs, (9.0, 1.0), (1.0, 3.0))

    found = pairs.compare()

    assert (found.improvement.decided, gate(found, "difference").status) == ("b", "pass")
    assert gate(found).status == "fail"
    assert gate(found).sentence.startswith(
        "It is worse for an output: mean absolute error of y1 worse by 1."
    )
    assert gate(found).sentence in found.refusals
    # Twice the margin is allowed, as in segments.
    assert gate(pairs.compare(margin=2.0)).status == "pass"


def test_of_many_outputs_those_are_shown_that_are_worst(pairs, monkeypatch):
    monkeypatch.setattr(compare_module, "OUTPUTS_SHOWN", 1)
    both(pairs, (9.0, 1.0), (1.0, 3.0))

    found = pairs.compare()

    assert {one.output for one in found.differences} == {"", "y1"}
    assert any(note.startswith("Figures are shown of 1 of 2 outputs") for note in found.notes)


def test_too_few_truths_say_nothing_of_an_output(pairs):
    pairs.add("1", answers(np.random.default_rng(0), 1.0, 1.0)[:5], [{"y0": 0.0, "y1": 0.0}] * 5)

    assert gate(pairs.compare()).status == "unknown"


def test_a_single_output_has_no_such_gate(loans):
    assert [one.name for one in loans.compare().gates] == [
        "truths",
        "difference",
        "segments",
        "latency",
        "refused",
        "signature",
    ]


def losses_of(outputs: list[Output], rows: list[tuple[Any, Any]]) -> Any:
    signature = Signature(fields=(), outputs=tuple(outputs))
    parts = parts_of(signature, signature)
    losses = RowLosses(signature, parts)
    return parts, [
        losses.of(json.dumps(answer).encode(), json.dumps(truth).encode()) for answer, truth in rows
    ]


def test_the_mean_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    true, predicted = rng.normal(size=(2, 50, 3))
    numbers = [Output(name=name) for name in "abc"]
    rows = [
        ({"prediction": dict(zip("abc", one, strict=True))}, dict(zip("abc", other, strict=True)))
        for one, other in zip(predicted.tolist(), true.tolist(), strict=True)
    ]

    _, found = losses_of(numbers, rows)

    assert np.mean(found, axis=0)[0] == pytest.approx(mean_absolute_error(true, predicted))
    labels, named = (true > 0).astype(int), (predicted > 0).astype(int)
    flags = [Output(name=name, task="classification", classes=(0, 1)) for name in "abc"]
    rows = [
        ({"prediction": dict(zip("abc", one, strict=True))}, dict(zip("abc", other, strict=True)))
        for one, other in zip(named.tolist(), labels.tolist(), strict=True)
    ]
    _, found = losses_of(flags, rows)
    assert np.mean(found, axis=0)[0] == pytest.approx(hamming_loss(labels, named))


def test_the_ends_of_an_interval_are_compared_by_the_loss_that_they_minimize():
    rng = np.random.default_rng(0)
    true, low, high = rng.normal(size=(3, 50))
    ends = [
        Output(name="low", target="y", quantile=0.1),
        Output(name="high", target="y", quantile=0.9),
    ]
    rows = [
        ({"prediction": {"low": one, "high": other}}, truth)
        for one, other, truth in zip(low.tolist(), high.tolist(), true.tolist(), strict=True)
    ]

    parts, found = losses_of(ends, rows)

    expected = [
        mean_pinball_loss(true, end, alpha=alpha) for end, alpha in ((low, 0.1), (high, 0.9))
    ]
    assert parts.deciding().name == "mean_pinball_loss"
    assert np.mean(found, axis=0)[0] == pytest.approx(np.mean(expected))


def test_outputs_without_a_measure_in_common_are_decided_by_the_first():
    label = Output(name="kind", task="classification", classes=("a", "b"))
    outputs = [label, Output(name="size"), Output(name="note", task="value")]
    answer = {"prediction": {"kind": "a", "size": 2.0, "note": {}}}

    parts, (found,) = losses_of(outputs, [(answer, {"kind": "b", "size": 3.0, "note": {}})])

    assert (parts.decides, parts.mean, parts.left_out) == ("kind", (), ("note",))
    assert parts.deciding().name == "accuracy"
    size = parts.each[1].measures[0]
    assert (found[0], found[size.column]) == (1.0, 1.0)
    assert len(parts.notes) == 2


def test_a_row_without_the_truth_of_an_output_is_left_out():
    numbers = [Output(name="a"), Output(name="b")]

    _, found = losses_of(numbers, [({"prediction": {"a": 1.0, "b": 2.0}}, {"a": 1.0})])

    assert found == [None]


def test_versions_without_an_output_in_common_cannot_be_compared():
    one = Signature(fields=(), outputs=(Output(name="a"),))
    other = Signature(fields=(), outputs=(Output(name="b"),))
    groups = Signature(fields=(), outputs=(Output(name="a", task="clustering"),))

    with pytest.raises(SetupError, match="no output in common"):
        parts_of(one, other)
    with pytest.raises(SetupError, match="clustering can't be compared"):
        parts_of(groups, groups)
