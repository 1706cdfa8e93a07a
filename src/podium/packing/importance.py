"""What matters to a model, measured on its rows within a second."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from podium.bundle.baseline import Baseline, numbers_of
from podium.bundle.importance import FieldImportance, Importance, Pair
from podium.errors import PodiumError
from podium.explanations.curves import grid_of, varied
from podium.explanations.explain import ENUMERATED_MAX, Explainer
from podium.explanations.explanation import Explanation
from podium.explanations.number import Number, numbers_in
from podium.outputs import Outputs
from podium.packing.errors_of import Judged, errors_of, loss_of
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
RHO = 0.8
_SAMPLED_ROWS = 65_536
_SEED = 20_250_101


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
    output = signature.output
    if runtime.features.has_effects or output.task == "value" or not table.n_rows:
        return None
    used = [one for one in signature.fields if one.is_used]
    table = table.select(signature.names)
    losses = {} if judged is None else dict(_losses(signature, runtime, used, judged, budget_s))
    link, sizes = _sizes(runtime, used, table, background, budget_s)
    ranked = sorted(used, key=lambda one: -(losses.get(one.name) or sizes.get(one.name) or 0.0))
    number = _number(output)
    curves = dict(_curves(signature, runtime, ranked, table, baseline, number, budget_s))
    fields = {
        one.name: FieldImportance(
            size=sizes.get(one.name),
            loss=losses.get(one.name),
            values=curves[one.name][0] if one.name in curves else (),
            means=curves[one.name][1] if one.name in curves else (),
        )
        for one in used
    }
    known = {} if judged is None else errors_of(signature, judged)
    has_loss = judged is not None and bool(losses)
    return Importance(
        of=_words(output),
        label="" if number.label is None else label_text(output.classes[number.label]),
        link=link,
        metric=loss_of(output)[0] if has_loss else "",
        measured_on=judged.on if judged is not None else "",
        n_rows=0 if judged is None else judged.table.n_rows,
        fields=fields,
        pairs=_pairs(used, table),
        **known,
    )


def _losses(
    signature: Signature, runtime: Runtime, used: list[Field], judged: Judged, budget_s: float
) -> Iterator[tuple[str, float]]:
    """How much the loss grows when one field's values are shuffled.

    Source: Breiman (2001), Random Forests, Machine Learning 45; for any model: Fisher, Rudin,
    Dominici (2019), All Models are Wrong, but Many are Useful, JMLR 20.
    """
    if len(signature.outputs) > 1:
        return
    clock, random = Clock(budget_s), np.random.default_rng(_SEED)
    some = judged.take(spread(judged.table.n_rows, LOSS_ROWS))
    _, loss = loss_of(signature.output)
    with suppress(PodiumError):
        before = loss(signature.output, some.outputs, some.truth)
        if before is None:
            return
        for one in used:
            shuffled = random.permutation(some.table.n_rows)
            columns = dict(some.table.columns)
            columns[one.name] = columns[one.name][shuffled]
            mixed = Table(
                columns, some.table.n_rows, some.table.dtypes, some.table.frame, some.table.levels
            )
            after = loss(signature.output, runtime.predict(mixed), some.truth)
            if after is not None:
                yield one.name, after - before
            if clock.is_over:
                return


def _sizes(
    runtime: Runtime,
    used: list[Field],
    table: Table,
    background: Table | None,
    budget_s: float,
) -> tuple[str, dict[str, float]]:
    """What contributions add up in, and their mean size by field."""
    if background is None or not background.n_rows:
        return "", {}
    clock, found = Clock(budget_s), list[Explanation]()
    rows = table.take(spread(table.n_rows, SIZE_ROWS))
    with suppress(PodiumError):
        explainer = Explainer(runtime, background)
        began_s = time.monotonic()
        runtime.predict(background)
        row_s = (time.monotonic() - began_s) / background.n_rows
        exact = explainer.exact(rows.take(slice(1)))
        n_mixed = 2 ** len(used) * background.n_rows
        n_called = n_mixed if len(used) <= ENUMERATED_MAX else _SAMPLED_ROWS
        if exact is not None:
            found = explainer.explain(rows)
        elif n_called * row_s < budget_s:
            for at in range(rows.n_rows):
                found += explainer.explain(rows.take(slice(at, at + 1)))
                if clock.is_over:
                    break
    if not found:
        return "", {}
    names = [one.name for one in used]
    amounts = np.array([[one.contributions[name] for name in names] for one in found])
    sizes = np.abs(amounts).mean(axis=0)
    return found[0].link, dict(zip(names, sizes.tolist(), strict=True))


def _curves(
    signature: Signature,
    runtime: Runtime,
    ranked: list[Field],
    table: Table,
    baseline: Baseline,
    number: Number,
    budget_s: float,
) -> Iterator[tuple[str, tuple[tuple[Label | None, ...], tuple[float, ...]]]]:
    """The partial dependence of the most important fields.

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
            numbers = numbers_in(signature, outputs, number)
            means = numbers.reshape(rows.n_rows, len(grid.labels)).mean(axis=0)
            yield field.name, (grid.labels, tuple(means.tolist()))
            if clock.is_over:
                return


def _number(output: Output) -> Number:
    """What the curves are about: the last class, the positive one where there are two."""
    if output.score or not output.classes:
        return Number(0, None)
    return Number(0, len(output.classes) - 1)


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
