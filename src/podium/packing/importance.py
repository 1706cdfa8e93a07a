"""What matters to a model, measured on its rows within a second."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import TypeAlias, TypeVar

import numpy as np
from msgspec.structs import asdict
from numpy.typing import NDArray

from podium.bundle.baseline import Baseline, numbers_of
from podium.bundle.importance import FieldImportance, Importance, OutputImportance, Pair
from podium.errors import PodiumError
from podium.explanations.curves import grid_of, varied
from podium.explanations.explain import ENUMERATED_MAX, Explainer
from podium.explanations.explanation import Explanation
from podium.explanations.number import Number, numbers_in
from podium.outputs import Outputs
from podium.packing.errors_of import Judged, errors_of, loss_in, loss_of
from podium.packing.owner import spread
from podium.runtimes.protocol import Runtime
from podium.signature import Field, Label, Output, Signature
from podium.signature.labels import label_text
from podium.table import Array, Table

# Each of the three measurements may take so long; a model that is slow has fewer of them.
BUDGET_S = 0.3
LOSS_ROWS, CURVE_ROWS, SIZE_ROWS, PAIR_ROWS = 500, 40, 50, 2_000
# Of more fields the page shows none, and of more pairs nobody reads.
CURVES_MAX, PAIR_FIELDS_MAX, PAIRS_MAX = 20, 500, 20
# As many as a page has room for.
OUTPUTS_MAX = 10
RHO = 0.8
_SAMPLED_ROWS = 65_536
_SEED = 20_250_101
_T = TypeVar("_T")
# By the place of an output, then by the name of a field.
_ByPlace: TypeAlias = dict[int, dict[str, _T]]
_Curve: TypeAlias = tuple[tuple[Label | None, ...], tuple[float, ...]]


class Clock:
    """Ends a measurement when its time is up."""

    def __init__(self, budget_s: float) -> None:
        self._until_s = time.monotonic() + budget_s

    @property
    def is_over(self) -> bool:
        """Whether the time is up."""
        return time.monotonic() > self._until_s


def importance_of(
    signature: Signature,
    runtime: Runtime,
    table: Table,
    baseline: Baseline,
    background: Table | None,
    judged: Judged | None,
    *,
    budget_s: float = BUDGET_S,
) -> Importance | None:
    """What matters to a model; None if that can't be said of it.

    Args:
        table: its training rows, validated.
        background: the rows that explanations compare with; None leaves out the sizes.
        judged: rows with known truth; None leaves out whatever is about errors.
        budget_s: how long each of three measurements may take.
    """
    outputs = signature.outputs
    places = [at for at, one in enumerate(outputs) if one.task != "value"][:OUTPUTS_MAX]
    if runtime.features.has_effects or not places or not table.n_rows:
        return None
    used = [one for one in signature.fields if one.is_used]
    table = table.select(signature.names)
    losses: _ByPlace[float] = {at: {} for at in places}
    for at, name, loss in _losses(signature, runtime, used, judged, places, budget_s):
        losses[at][name] = loss
    sizes = dict(_sizes(runtime, used, table, background, places, budget_s))
    ranked = _ranked(used, [losses[at] or sizes[at][1] for at in places])
    curves: _ByPlace[_Curve] = {at: {} for at in places}
    for at, name, curve in _curves(signature, runtime, ranked, table, baseline, places, budget_s):
        curves[at][name] = curve
    found = [
        _importance(signature, used, at, judged, losses[at], *sizes[at], curves[at])
        for at in places
    ]
    return Importance(**asdict(found[0]), pairs=_pairs(used, table), others=tuple(found[1:]))


def _importance(
    signature: Signature,
    used: list[Field],
    place: int,
    judged: Judged | None,
    losses: dict[str, float],
    link: str,
    sizes: dict[str, float],
    curves: dict[str, _Curve],
) -> OutputImportance:
    """What matters to one output."""
    output = signature.outputs[place]
    number = _number(signature, place)
    nothing: _Curve = ((), ())
    return OutputImportance(
        output=output.name if len(signature.outputs) > 1 else "",
        of=_words(output),
        label="" if number.label is None else label_text(output.classes[number.label]),
        link=link,
        metric=loss_of(output)[0] if losses else "",
        measured_on=judged.on if judged is not None else "",
        n_rows=0 if judged is None else len(judged.known(place)),
        fields={
            one.name: FieldImportance(
                size=sizes.get(one.name),
                loss=losses.get(one.name),
                values=curves.get(one.name, nothing)[0],
                means=curves.get(one.name, nothing)[1],
            )
            for one in used
        },
        **({} if judged is None else errors_of(signature, judged, place)),
    )


def _losses(
    signature: Signature,
    runtime: Runtime,
    used: list[Field],
    judged: Judged | None,
    places: list[int],
    budget_s: float,
) -> Iterator[tuple[int, str, float]]:
    """How much the loss of each output grows when one field's values are shuffled.

    Source: Breiman (2001), Random Forests, Machine Learning 45; for any model: Fisher, Rudin,
    Dominici (2019), All Models are Wrong, but Many are Useful, JMLR 20.
    """
    if judged is None:
        return
    clock, random = Clock(budget_s), np.random.default_rng(_SEED)
    some = judged.take(spread(judged.table.n_rows, LOSS_ROWS))
    with suppress(PodiumError):
        before = {at: loss_in(signature, some.outputs, some, at) for at in places}
        if all(loss is None for loss in before.values()):
            return
        for one in used:
            shuffled = random.permutation(some.table.n_rows)
            columns = dict(some.table.columns)
            columns[one.name] = columns[one.name][shuffled]
            mixed = Table(
                columns, some.table.n_rows, some.table.dtypes, some.table.frame, some.table.levels
            )
            outputs = runtime.predict(mixed)
            for at, loss in before.items():
                after = loss_in(signature, outputs, some, at)
                if loss is not None and after is not None:
                    yield at, one.name, after - loss
            if clock.is_over:
                return


def _sizes(
    runtime: Runtime,
    used: list[Field],
    table: Table,
    background: Table | None,
    places: list[int],
    budget_s: float,
) -> Iterator[tuple[int, tuple[str, dict[str, float]]]]:
    """By output, what contributions add up in, and their mean size by field."""
    explainer: Explainer | None = None
    row_s = math.inf
    with suppress(PodiumError):
        if background is not None and background.n_rows:
            explainer = Explainer(runtime, background)
            began_s = time.monotonic()
            runtime.predict(background)
            row_s = (time.monotonic() - began_s) / background.n_rows
    rows = table.take(spread(table.n_rows, SIZE_ROWS))
    share_s = budget_s / len(places)
    for at in places:
        found = [] if explainer is None else _explained(explainer, rows, used, at, row_s, share_s)
        if not found:
            yield at, ("", {})
            continue
        names = [one.name for one in used]
        amounts = np.array([[one.contributions[name] for name in names] for one in found])
        sizes = np.abs(amounts).mean(axis=0)
        yield at, (found[0].link, dict(zip(names, sizes.tolist(), strict=True)))


def _explained(
    explainer: Explainer,
    rows: Table,
    used: list[Field],
    place: int,
    row_s: float,
    budget_s: float,
) -> list[Explanation]:
    """The explanations of an output for these rows, or the first of them, if there is time.

    Args:
        row_s: how long a prediction takes.
    """
    clock, found = Clock(budget_s), list[Explanation]()
    n_mixed = 2 ** len(used) * explainer.background.n_rows
    n_called = n_mixed if len(used) <= ENUMERATED_MAX else _SAMPLED_ROWS
    with suppress(PodiumError):
        if explainer.exact(rows.take(slice(1)), place) is not None:
            found = explainer.explain(rows, place)
        elif n_called * row_s < budget_s:
            for at in range(rows.n_rows):
                found += explainer.explain(rows.take(slice(at, at + 1)), place)
                if clock.is_over:
                    break
    return found


def _ranked(used: list[Field], weights: list[dict[str, float]]) -> list[Field]:
    """The fields, those first that matter most to any output.

    Args:
        weights: of fields, for each output; of different outputs they have different units.
    """

    def weight(field: Field) -> float:
        return max(
            one.get(field.name, 0.0) / (max(one.values(), default=0.0) or 1.0) for one in weights
        )

    return sorted(used, key=weight, reverse=True)


def _curves(
    signature: Signature,
    runtime: Runtime,
    ranked: list[Field],
    table: Table,
    baseline: Baseline,
    places: list[int],
    budget_s: float,
) -> Iterator[tuple[int, str, _Curve]]:
    """The partial dependence of each output on the most important fields.

    Source: Friedman (2001), Greedy Function Approximation, Annals of Statistics 29(5).
    """
    clock = Clock(budget_s)
    rows = table.take(spread(table.n_rows, CURVE_ROWS))
    with suppress(PodiumError):
        for field in ranked[:CURVES_MAX]:
            grid = grid_of(field, baseline.fields.get(field.name))
            if grid is None:
                continue
            each = [rows.take(slice(at, at + 1)) for at in range(rows.n_rows)]
            outputs: Outputs = runtime.predict(
                Table.concat([varied(row, field, grid) for row in each])
            )
            for at in places:
                numbers = numbers_in(signature, outputs, _number(signature, at))
                means = numbers.reshape(rows.n_rows, len(grid.labels)).mean(axis=0)
                yield at, field.name, (grid.labels, tuple(means.tolist()))
            if clock.is_over:
                return


def _number(signature: Signature, place: int) -> Number:
    """What the curves are about: the last class, the positive one where there are two."""
    output = signature.outputs[place]
    if output.score or not output.classes:
        return Number(place, None)
    return Number(place, len(output.classes) - 1)


def _words(output: Output) -> str:
    if output.score:
        return "score"
    return "probability" if output.classes else "prediction"


def _pairs(used: list[Field], table: Table) -> tuple[Pair, ...]:
    """The fields that go together, by the correlation of their ranks."""
    some = table.take(spread(table.n_rows, PAIR_ROWS))
    ranks = {
        field.name: found
        for field in used[:PAIR_FIELDS_MAX]
        if (found := _ranks(field, some.columns[field.name])) is not None
    }
    names = list(ranks)
    if len(names) < 2 or some.n_rows < 3:
        return ()
    rhos = np.corrcoef(np.array(list(ranks.values())))
    firsts, seconds = np.nonzero(np.triu(np.abs(rhos) > RHO, 1))
    order = np.argsort(-np.abs(rhos[firsts, seconds]), kind="stable")[:PAIRS_MAX]
    return tuple(
        Pair(names[firsts[at]], names[seconds[at]], round(float(rhos[firsts[at], seconds[at]]), 4))
        for at in order
    )


def _ranks(field: Field, column: Array) -> NDArray[np.float64] | None:
    """Mean ranks of a field's numbers; missing ones are in the middle. None for other fields."""
    if field.type in ("category", "text"):
        return None
    if field.type == "boolean":
        numbers = np.array([np.nan if one is None else float(one) for one in column.tolist()])
    else:
        found = numbers_of(field, column)
        if found is None:
            return None
        numbers = found
    missing = np.isnan(numbers)
    _, inverse, counts = np.unique(numbers[~missing], return_inverse=True, return_counts=True)
    if len(counts) < 2:
        return None
    means = np.cumsum(counts) - (counts - 1) / 2
    ranks = np.full(len(numbers), means[inverse].mean())
    ranks[~missing] = means[inverse]
    return ranks
