"""Which of two versions of a model is better, on the records whose truth is known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from podium.comparison.checks import Counted, check_gates
from podium.comparison.estimates import confidence_sequence
from podium.comparison.evidence import Evidence, OneOutput
from podium.comparison.figures import Figure
from podium.comparison.losses import Measure
from podium.comparison.pair import Pair, pair_of, read_evidence
from podium.comparison.parts import Part, Parts
from podium.comparison.report import (
    Better,
    Comparison,
    Difference,
    Improvement,
    SegmentReport,
    Side,
)
from podium.comparison.segments import Segment, SegmentReader
from podium.deployments.registry import Registry
from podium.deployments.rows import Version
from podium.gates import Gates
from podium.records.store import Store

SEGMENTS_SHOWN = 10
# Intervals of the figures of an output take half a second of many rows.
OUTPUTS_SHOWN = 10


def compare(
    registry: Registry,
    store: Store,
    model: str,
    a: str,
    b: str,
    *,
    gates: Gates,
    failures: Mapping[str, Counted] = {},
    since_us: int | None = None,
) -> Comparison:
    """Compare two versions of a model, and check whether `b` may take the place of `a`.

    It takes some seconds where there are many records.

    Args:
        a: an alias, a name or the beginning of a digest, as `b`.
        failures: how many requests failed, where that is counted.
        since_us: leaves out what `b` answered before that moment.

    Raises:
        NotFound: there is no such version.
        InputError: both are one version.
        SetupError: its predictions can't be right or wrong, or a setting doesn't fit the model.
        StoreError: the records or the registry can't be read.
    """
    pair = pair_of(registry, model, a, b)
    reader = SegmentReader(pair.signature, gates.segments)
    parts = pair.parts
    measure = parts.deciding(gates.measure)
    evidence = read_evidence(store, pair, reader, gates.truths_min, since_us)
    segments, outputs = evidence.segments(reader, measure), evidence.outputs(parts, measure)
    shown = _worst(parts, outputs)
    is_any = len(evidence.a) and len(evidence.b)
    report = Comparison(
        model=model,
        output=parts.decides,
        kind="none" if not is_any else "paired" if evidence.is_paired else "independent",
        a=_side(pair, pair.a, evidence.a, evidence.latencies_a),
        b=_side(pair, pair.b, evidence.b, evidence.latencies_b),
        truths_min=gates.truths_min,
        differences=(
            *_differences(evidence, parts.mean, ""),
            *(found for one in shown for found in _of_part(evidence, one)),
        ),
        improvement=_improvement(evidence, measure, gates.truths_min),
        segments=_shown(segments),
        notes=(*evidence.notes, *_of_shown(parts, shown)),
    )
    checked = check_gates(report, pair, outputs, segments, gates, failures)
    return msgspec.structs.replace(report, gates=checked)


def _side(
    pair: Pair, version: Version, losses: NDArray[np.float64], latencies: NDArray[np.float64]
) -> Side:
    return Side(
        version=version.name,
        digest=version.digest,
        aliases=pair.aliases_of(version),
        n_truths=len(losses),
        latency_ms=float(np.median(latencies)) / 1_000 if len(latencies) else None,
    )


def _worst(parts: Parts, outputs: Sequence[OneOutput]) -> tuple[Part, ...]:
    """The outputs whose figures are shown: of many those for which `b` is least good."""
    worst = {one.name for one in outputs[:OUTPUTS_SHOWN]}
    is_all = len(parts.each) <= OUTPUTS_SHOWN or not worst
    return parts.each if is_all else tuple(one for one in parts.each if one.name in worst)


def _of_shown(parts: Parts, shown: Sequence[Part]) -> Iterator[str]:
    if len(shown) < len(parts.each):
        n = f"{len(shown)} of {len(parts.each):,} outputs"
        yield f"Figures are shown of {n}: those for which the second version is least good."


def _of_part(evidence: Evidence, part: Part) -> Iterator[Difference]:
    yield from _differences(evidence, part.measures, part.name)
    yield from _figures(evidence, part.figures, part.name)


def _differences(
    evidence: Evidence, measures: Sequence[Measure], output: str
) -> Iterator[Difference]:
    """The measures that both versions have."""
    for measure in measures:
        columns, found = evidence.columns(measure), evidence.interval(measure)
        if columns is None or found is None:
            continue
        a, b = (float(measure.of_mean(one.mean())) for one in columns)
        yield Difference(
            output=output,
            name=measure.name,
            title=measure.title,
            better=measure.better,
            a=a,
            b=b,
            difference=b - a,
            low=found.low,
            high=found.high,
        )


def _figures(evidence: Evidence, figures: Sequence[Figure], output: str) -> Iterator[Difference]:
    """The figures that are no means, of both versions."""
    for figure in figures:
        found = evidence.figure(figure)
        if found is not None:
            a, b, (low, high) = found
            yield Difference(
                output=output,
                name=figure.name,
                title=figure.title,
                better=figure.better,
                a=a,
                b=b,
                difference=b - a,
                low=low,
                high=high,
            )


def _improvement(evidence: Evidence, measure: Measure, truths_min: int) -> Improvement | None:
    estimate, found = evidence.estimate(measure), evidence.interval(measure)
    if estimate is None or found is None:
        return None
    # Losses that fall are an improvement, whichever way the measure is better.
    low, high = found if measure.better == "higher" else (-found.high, -found.low)
    always = confidence_sequence(estimate)
    has_enough = min(len(evidence.a), len(evidence.b)) >= truths_min
    decided: Better = ""
    if has_enough:
        decided = "b" if always.high < 0 else "a" if always.low > 0 else ""
    return Improvement(
        measure=measure.name,
        title=measure.title,
        value=-estimate.difference,
        low=low,
        high=high,
        always_low=-always.high,
        always_high=-always.low,
        decided=decided,
    )


def _shown(segments: Sequence[Segment]) -> tuple[SegmentReport, ...]:
    return tuple(
        SegmentReport(
            field=one.field,
            value=one.value,
            n_rows=one.n_rows,
            improvement=one.improvement,
            low=one.at.low,
            high=one.at.high,
        )
        for one in segments[:SEGMENTS_SHOWN]
    )
