"""Why a model gave its answer: the contribution of each field, as interventional Shapley values.

The contribution of a field is the change of the answer when the field of a background row is
replaced by that of the explained row, averaged over the background rows and over all orders in
which the fields can be replaced. Base and contributions add up to the answer.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from podium.bundle import Bundle
from podium.errors import SetupError
from podium.explanations.enumeration import enumerated
from podium.explanations.exact import Sums
from podium.explanations.explanation import Explanation, Method
from podium.explanations.mixture import Mixture
from podium.explanations.number import Number, class_place, link_of, number_of, numbers_in
from podium.explanations.sampling import sampled
from podium.outputs import Outputs
from podium.program import Program
from podium.runtimes.protocol import Runtime
from podium.signature import Label
from podium.signature.cells import check_table
from podium.table import Table

# 2^10 coalitions with 100 background rows are 100,000 predictions.
ENUMERATED_MAX = 10


def explain(
    bundle: Bundle,
    rows: object,
    *,
    output: str | None = None,
    label: Label | None = None,
    background: object = None,
) -> list[Explanation]:
    """The explanation of the answer for each row.

    Explaining again and again, create one `Explainer`.

    Args:
        bundle: whose answers are explained. Unless it is a program that is a sum of trees or of
            functions of one field, its model is called with rows that mix the cells of the
            explained row with those of background rows.
        rows: as for `Bundle.predict`.
        output: the name of the output to explain; None is the first one.
        label: the class to explain; None is the one that was predicted for the row.
        background: rows to compare with, in place of those in the bundle.

    Raises:
        SetupError: there are no background rows, no such output or class, or nothing to explain.
        InvalidRows: some cells are invalid.
        ModelError: the model refuses a row.
    """
    signature = bundle.signature
    table, _ = check_table(signature, Table.of(rows, names=signature.names))
    others = bundle.background
    if background is not None:
        others, _ = check_table(signature, Table.of(background, names=signature.names))
    names = [one.name for one in signature.outputs]
    if output is not None and output not in names:
        raise SetupError(f"{bundle.name} has no output {output!r}: it has {', '.join(names)}")
    at = 0 if output is None else names.index(output)
    place = None if label is None else class_place(signature.outputs[at], label)
    explainer = Explainer(bundle.runtime, table.take(slice(0, 0)) if others is None else others)
    return explainer.explain(table, at, place)


class Explainer:
    """Explains the answers of one model against the same background rows.

    Calls may overlap.

    Raises:
        SetupError: there are no background rows.
        ModelError: the model refuses one of them.
    """

    def __init__(self, runtime: Runtime, background: Table) -> None:
        if not background.n_rows:
            raise SetupError(
                "an answer is explained by comparing it with other rows, and there are none",
                hint="pack the model with training rows and without --background 0, or record "
                "some predictions",
            )
        self.runtime = runtime
        self.signature = runtime.signature
        self.background = background.select(self.signature.names)
        self._ignored = tuple(one.name for one in self.signature.fields if not one.is_used)
        self._of_background = self._predict(self.background)
        self._sums = (
            Sums(runtime, self.background, self._of_background)
            if isinstance(runtime, Program)
            else None
        )

    def explain(self, rows: Table, output: int = 0, label: int | None = None) -> list[Explanation]:
        """The explanation of the answer for each row.

        Args:
            rows: validated, as for `Runtime.predict`.
            output: the position in the signature of the output to explain.
            label: the position of the class to explain; None is the one that was predicted.

        Raises:
            SetupError: there is no such output or class, or nothing to explain.
            ModelError: the model refuses a mixed row.
        """
        answers = self._predict(rows)
        numbers = [
            number_of(self.signature, answers.rows(slice(at, at + 1)), output, label)
            for at in range(rows.n_rows)
        ]
        explained: dict[int, Explanation] = {}
        for number in dict.fromkeys(numbers):
            places = np.array([at for at, one in enumerate(numbers) if one == number], np.intp)
            some = self._explain_all(rows.take(places), answers.rows(places), number)
            explained |= zip(places.tolist(), some, strict=True)
        return [explained[at] for at in range(rows.n_rows)]

    def exact(self, rows: Table, output: int = 0) -> list[Explanation] | None:
        """The explanations, if no mixed rows have to be predicted for them; else None."""
        if self._sums is None or not rows.n_rows:
            return None
        answers = self._predict(rows)
        first, one = slice(1), number_of(self.signature, answers.rows(slice(1)), output, None)
        if self._sums.explain(rows.take(first), answers.rows(first), one) is None:
            return None
        return self.explain(rows, output)

    def _explain_all(self, rows: Table, answers: Outputs, number: Number) -> list[Explanation]:
        exact = None if self._sums is None else self._sums.explain(rows, answers, number)
        if exact is None:
            each = (slice(at, at + 1) for at in range(rows.n_rows))
            return [self._explain(rows.take(one), answers.rows(one), number) for one in each]
        return [
            Explanation(
                base=exact.base,
                value=value,
                contributions=dict(zip(self.signature.names, contributions, strict=True)),
                link=exact.link,
                method=exact.method,
                output=number.output,
                label=number.label,
                n_background=self.background.n_rows,
            )
            for value, contributions in zip(
                exact.values.tolist(), exact.contributions.tolist(), strict=True
            )
        ]

    def _explain(self, row: Table, answer: Outputs, number: Number) -> Explanation:
        def predict(table: Table) -> NDArray[np.float64]:
            return numbers_in(self.signature, self._predict(table), number)

        of_background = numbers_in(self.signature, self._of_background, number)
        base = float(of_background.mean())
        value = float(numbers_in(self.signature, answer, number)[0])
        mixture = Mixture(self.background, row, self._ignored)
        names = [self.signature.names[at] for at in mixture.active]
        method: Method = "enumeration"
        errors = None
        if len(names) <= ENUMERATED_MAX:
            active = enumerated(mixture, predict, base, value)
        else:
            method = "sampling"
            active, of_active = sampled(mixture, predict, of_background, value)
            errors = dict.fromkeys(self.signature.names, 0.0)
            errors |= zip(names, of_active.tolist(), strict=True)
        contributions = dict.fromkeys(self.signature.names, 0.0)
        contributions |= zip(names, active.tolist(), strict=True)
        return Explanation(
            base=base,
            value=value,
            contributions=contributions,
            standard_errors=errors,
            link=link_of(number),
            method=method,
            output=number.output,
            label=number.label,
            n_background=self.background.n_rows,
        )

    def _predict(self, table: Table) -> Outputs:
        """The outputs for these rows, in as many calls as the model needs."""
        most = self.runtime.features.max_batch_rows
        if most is None or table.n_rows <= most:
            return self.runtime.predict(table)
        return Outputs.concat(
            [
                self.runtime.predict(table.take(slice(at, at + most)))
                for at in range(0, table.n_rows, most)
            ]
        )
