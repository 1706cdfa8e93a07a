"""The gates: what a version must have shown before it takes the place of another, each in a sentence.

They are looked at when somebody decides, so that intervals are those of one look.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from podium.comparison.evidence import OneOutput
from podium.comparison.pair import Pair
from podium.comparison.report import Comparison, Gate, amount, change, span
from podium.comparison.segments import SEGMENT_ROWS_MIN, Segment
from podium.gates import Gates
from podium.signature import Field, Output, Signature

LATENCY_FLOOR_MS = 1.0


class Counted(NamedTuple):
    """How many requests a version got, and how many of them failed for its fault."""

    n_requests: int
    n_failed: int


def check_gates(
    report: Comparison,
    pair: Pair,
    outputs: Sequence[OneOutput],
    segments: Sequence[Segment],
    gates: Gates,
    failures: Mapping[str, Counted],
) -> tuple[Gate, ...]:
    """What each gate says about `b` in the place of `a`.

    Args:
        outputs: how much better it is for each of several, the worst first.
    """
    return (
        _truths(report),
        _difference(report, gates),
        *_outputs(report, pair, outputs, gates),
        _segments(report, pair, segments, gates),
        _latency(report, gates),
        _refused(report, failures),
        _same_signature(pair),
    )


def _truths(report: Comparison) -> Gate:
    if report.has_enough:
        sentence = f"There are {report.n_truths:,} truths or more of each version."
        return Gate(name="truths", status="pass", sentence=sentence)
    counts = f"{report.n_truths:,} of {report.truths_min:,}"
    if report.kind == "none" and not report.n_truths:
        counts += ", as none is known of what one of them answered"
    return Gate(name="truths", status="unknown", sentence=f"Not enough truths yet: {counts}.")


def _difference(report: Comparison, gates: Gates) -> Gate:
    found = report.improvement
    if found is None or not report.has_enough:
        sentence = "It isn't known yet whether it is better."
        return Gate(name="difference", status="unknown", sentence=sentence)
    least = f" by more than {amount(found.measure, gates.margin)}" if gates.margin else ""
    figures = f"{found.title} {change(found.measure, found.value)}"
    figures += f" {span(found.measure, found.low, found.high)}"
    if found.low > gates.margin:
        sentence = f"It is better{least}: {figures}."
        return Gate(name="difference", status="pass", sentence=sentence)
    sentence = f"That it is better{least} isn't sure: {figures}."
    return Gate(name="difference", status="fail", sentence=sentence)


def _outputs(
    report: Comparison, pair: Pair, outputs: Sequence[OneOutput], gates: Gates
) -> Iterator[Gate]:
    """The gate of several outputs: of none of them may it be worse beyond doubt."""
    if len(pair.parts.each) < 2:
        return
    if not outputs or not report.has_enough:
        sentence = "It isn't known yet whether it is worse for an output."
        yield Gate(name="outputs", status="unknown", sentence=sentence)
        return
    # The margin is in the unit of the measure that decides.
    decides = "" if report.improvement is None else report.improvement.measure
    worse = [
        one
        for one in outputs
        if one.at.high < (-2 * gates.margin if one.measure.name == decides else 0.0)
    ]
    found = (worse or outputs)[0]
    name = found.measure.name
    figures = f"{found.measure.title} {change(name, found.improvement)} {span(name, *found.at)}"
    if worse:
        sentence = f"It is worse for an output: {figures}."
        yield Gate(name="outputs", status="fail", sentence=sentence)
        return
    sentence = f"It is surely worse for 0 of {len(outputs):,} outputs; the worst is {figures}."
    yield Gate(name="outputs", status="pass", sentence=sentence)


def _segments(report: Comparison, pair: Pair, segments: Sequence[Segment], gates: Gates) -> Gate:
    name = "segments"
    if not gates.segments:
        return Gate(name=name, status="pass", sentence="No fields are configured as segments.")
    lacking = [one for one in gates.segments if one not in pair.signature.names]
    if lacking:
        sentence = f"The model has no field {lacking[0]!r}, which the segments name."
        return Gate(name=name, status="unknown", sentence=sentence)
    if not segments or not report.has_enough:
        sentence = f"No segment has {SEGMENT_ROWS_MIN} truths of each version yet."
        return Gate(name=name, status="unknown", sentence=sentence)
    worst, measure = segments[0], report.improvement.measure if report.improvement else ""
    figures = f"{worst.field} = {worst.value}, {change(measure, worst.improvement)}"
    figures += f" {span(measure, *worst.at)}, on {worst.n_rows:,} rows"
    if worst.at.high < -2 * gates.margin:
        return Gate(name=name, status="fail", sentence=f"It is worse in a segment: {figures}.")
    sentence = f"It is surely worse in 0 of {len(segments):,} segments; the worst is {figures}."
    return Gate(name=name, status="pass", sentence=sentence)


def _latency(report: Comparison, gates: Gates) -> Gate:
    before, after = report.a.latency_ms, report.b.latency_ms
    if not before or after is None or not report.has_enough:
        return Gate(
            name="latency", status="unknown", sentence="Too few answers of both have a latency."
        )
    times, figures = after / before, f"up to {after:.3g} ms instead of {before:.3g} ms"
    # Nobody feels a fraction of a millisecond, which depends on what else the machine does.
    if times > gates.latency_max >= 1 and after - before < LATENCY_FLOOR_MS:
        sentence = f"Half of the answers take {figures}: less than a millisecond longer."
        return Gate(name="latency", status="pass", sentence=sentence)
    sentence = (
        f"Half of the answers take {figures}: {times:.2f} times as long, "
        f"where {gates.latency_max:g} are allowed."
    )
    is_quick = times <= gates.latency_max
    return Gate(name="latency", status="pass" if is_quick else "fail", sentence=sentence)


def _refused(report: Comparison, failures: Mapping[str, Counted]) -> Gate:
    found = failures.get(report.b.version)
    if found is None or not found.n_requests:
        sentence = "It isn't known whether it fails: no request to it was counted since the start."
        return Gate(name="refused", status="unknown", sentence=sentence)
    sentence = f"{found.n_failed:,} of {found.n_requests:,} requests to it failed."
    return Gate(name="refused", status="fail" if found.n_failed else "pass", sentence=sentence)


def _same_signature(pair: Pair) -> Gate:
    if pair.signature_a is None or pair.signature_b is None:
        sentence = "The signatures can't be compared: the bundle of one can't be read."
        return Gate(name="signature", status="unknown", sentence=sentence)
    change = next(_changes(pair.signature_a, pair.signature_b), "")
    if not change:
        return Gate(name="signature", status="pass", sentence="The signature is unchanged.")
    return Gate(name="signature", status="fail", sentence=f"The signature has changed: {change}.")


def _changes(now: Signature, new: Signature) -> Iterator[str]:
    """What callers would notice, in words. What was seen in training may differ."""
    fields, others = ({one.name: one for one in some.fields} for some in (now, new))
    yield from (f"the field {one!r} is gone" for one in fields if one not in others)
    yield from (f"the field {one!r} is new" for one in others if one not in fields)
    for name, field in fields.items():
        if name in others and _of_field(field) != _of_field(others[name]):
            yield f"the field {name!r} is another one"
    if [_of_output(one) for one in now.outputs] != [_of_output(one) for one in new.outputs]:
        yield "the outputs are others"


def _of_field(field: Field) -> tuple[object, ...]:
    own = (field.type, field.unit, field.missing, field.unknown, field.outside, field.is_required)
    return (*own, field.bounds, frozenset(map(repr, field.labels)))


def _of_output(output: Output) -> tuple[object, ...]:
    own = (output.name, output.task, output.unit, output.has_probabilities)
    return (*own, frozenset(map(repr, output.classes)))
