"""What is compared of a model: each output whose predictions are right or wrong, and the mean of all.

Of several outputs the mean decides, as in scikit-learn's `multioutput="uniform_average"`: the mean of
the outputs' errors or, of labels, the share that is right (1 - Hamming loss). That an output isn't
worse for the better mean is a gate of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from podium.comparison.figures import Figure, figures_of
from podium.comparison.losses import (
    Answer,
    ClassLosses,
    Losses,
    Measure,
    NumberLosses,
    Scorer,
    columns_of,
    deciding_measure,
    measures_of,
)
from podium.errors import SetupError
from podium.outputs import at_place
from podium.signature import Output, Signature
from podium.signature.truth import values_by_output

_ANSWERS = msgspec.json.Decoder(Answer)
_TRUTHS = msgspec.json.Decoder()


@dataclass(frozen=True, slots=True)
class Part:
    """An output that is compared.

    Attributes:
        measures: of columns of the losses, and `figures` likewise.
    """

    name: str
    measures: tuple[Measure, ...]
    figures: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class Parts:
    """The outputs that are compared.

    Attributes:
        each: one or more.
        mean: the measures of all of them together; none where there is one, or where they have none
            in common.
        left_out: the names of outputs that aren't compared.
    """

    each: tuple[Part, ...]
    mean: tuple[Measure, ...]
    left_out: tuple[str, ...]

    @property
    def decides(self) -> str:
        """The output that decides which version is better; "" if it is the mean of all."""
        return "" if self.mean else self.each[0].name

    @property
    def notes(self) -> list[str]:
        """What to know of several outputs, in sentences."""
        notes = []
        if self.mean:
            notes.append(f"The mean of {len(self.each)} outputs decides.")
        elif len(self.each) > 1:
            notes.append(
                f"{self.decides} decides, the first output: not all of them have its measures."
            )
        if self.left_out:
            names = ", ".join(self.left_out[:20])
            notes.append(f"Not compared, as both versions can't be right or wrong there: {names}.")
        return notes

    def deciding(self, name: str = "") -> Measure:
        """The measure that decides which version is better.

        Raises:
            SetupError: there is none of this name, or it isn't a mean of losses.
        """
        return deciding_measure(self.mean or self.each[0].measures, name)


def parts_of(a: Signature, b: Signature) -> Parts:
    """What can be compared of two versions: the outputs of `b` that `a` has, too.

    Raises:
        SetupError: nothing.
    """
    theirs = {(one.name, one.task) for one in a.outputs}
    found = [
        one
        for one in b.outputs
        if (one.name, one.task) in theirs and one.task in ("classification", "regression")
    ]
    if not found:
        measures_of(b.output)  # tells what can be
        raise SetupError(
            "the versions have no output in common", hint="compare versions that predict the same"
        )
    left_out = tuple(one.name for one in b.outputs if one not in found)
    if len(found) == 1:
        only = Part(found[0].name, measures_of(found[0]), figures_of(found[0]))
        return Parts((only,), (), left_out)
    names = {tuple(one.name for one in measures_of(output)) for output in found}
    mean = _mean_measures(found) if len(names) == 1 else ()
    each, start = [], len(mean)
    for output in found:
        each.append(_part(output, start))
        start += columns_of(output)
    return Parts(tuple(each), mean, left_out)


class RowLosses:
    """Losses of recorded rows, as records hold them: of the mean, and of each output.

    Args:
        signature: of the version.
        codes: of the labels of each output; the same for all versions that are compared.
    """

    def __init__(
        self, signature: Signature, parts: Parts, codes: dict[str, dict[str, int]] | None = None
    ) -> None:
        self._signature = signature
        self._is_several = len(signature.outputs) > 1
        self._n_means = len(parts.mean)
        codes = {} if codes is None else codes
        outputs = {one.name: one for one in signature.outputs}
        self._scorers = {
            one.name: _scorer(outputs[one.name], codes.setdefault(one.name, {}))
            for one in parts.each
        }

    def of(self, outputs: bytes, truth: bytes) -> Losses | None:
        """The losses of a row; None where an output can't be compared.

        Args:
            outputs: the answer, and `truth` what really happened, both as JSON.
        """
        try:
            answer, happened = _ANSWERS.decode(outputs), _TRUTHS.decode(truth)
        except msgspec.DecodeError:
            return None
        if not self._is_several:
            (scorer,) = self._scorers.values()
            return scorer.losses(answer, happened)
        truths, found = values_by_output(self._signature, happened), []
        for name, scorer in self._scorers.items():
            lost = scorer.losses(_answer_of(answer, name), truths.get(name))
            if lost is None:
                return None
            found.append(lost)
        means = [
            sum(lost[column] for lost in found) / len(found) for column in range(self._n_means)
        ]
        return (*means, *(one for lost in found for one in lost))


def _answer_of(answer: Answer, name: str) -> Answer:
    several: Any = answer.prediction if isinstance(answer.prediction, Mapping) else {}
    return Answer(several.get(name), at_place(name, answer.probabilities))


def _scorer(output: Output, codes: dict[str, int]) -> Scorer:
    if output.task == "classification":
        return ClassLosses(output.classes, codes)
    return NumberLosses(output.quantile)


def _mean_measures(outputs: list[Output]) -> tuple[Measure, ...]:
    """The measures whose mean is one of losses, too: the mean of roots isn't."""
    return tuple(
        replace(one, title=f"{one.title}, mean of {len(outputs)} outputs")
        for one in measures_of(outputs[0])
        if not one.is_root
    )


def _part(output: Output, start: int) -> Part:
    """An output among several, whose columns begin there."""
    measures = tuple(
        replace(one, column=start + one.column, title=f"{one.title} of {output.name}")
        for one in measures_of(output)
    )
    figures = tuple(
        one._replace(
            columns=tuple(start + column for column in one.columns),
            title=f"{one.title} of {output.name}",
        )
        for one in figures_of(output)
    )
    return Part(output.name, measures, figures)
