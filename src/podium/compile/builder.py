"""A plan under construction, to which exporters add operations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol, TypeAlias

from podium.compile import sums
from podium.compile.features import Features, Fitted, NotCompiled
from podium.compile.prune import merged, pruned
from podium.compile.registers import Registers
from podium.compile.unread import without_unread
from podium.errors import BundleError
from podium.program.operations import Join
from podium.program.plan import Plan, PlanOutput
from podium.signature import Signature

# What an exporter may raise for an unknown version or kind of estimator: an attribute is missing or
# has another type, or the operations don't match each other.
FOREIGN = (
    ArithmeticError,
    AttributeError,
    BundleError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)


class Step(NamedTuple):
    """An exported estimator, with its input and output columns."""

    name: str
    estimator: Any
    before: Features
    after: Features | None


TransformerExporter: TypeAlias = Callable[[Any, "Builder", Features], Features]
ModelExporter: TypeAlias = Callable[[Any, "Builder", Features], Fitted]


class Exporters(Protocol):
    """Finds the exporter of each estimator: `podium.compile.registry`."""

    def transformer_of(self, estimator: Any) -> TransformerExporter:
        """The exporter of a transformer.

        Raises:
            NotCompiled: there is none.
        """

    def model_of(self, estimator: Any) -> ModelExporter:
        """The exporter of a model.

        Raises:
            NotCompiled: there is none.
        """


class Builder(Registers):
    """A plan to which the exporters of a model's estimators add their operations.

    Attributes:
        steps: the estimators exported so far, inner ones before outer ones.
    """

    def __init__(self, signature: Signature, exporters: Exporters) -> None:
        super().__init__(signature)
        self.steps: list[Step] = []
        self._exporters = exporters
        self._path: list[str] = []

    def transform(self, estimator: Any, x: Features, name: str = "") -> Features:
        """The columns that a fitted transformer computes from these.

        Raises:
            NotCompiled: it, or something inside it, can't be exported.
        """
        with self._step(name or type(estimator).__name__, estimator):
            after = self._exporters.transformer_of(estimator)(estimator, self, x)
            self.steps.append(Step(self.path, estimator, x, after))
        return after

    def model(self, estimator: Any, x: Features, name: str = "") -> Fitted:
        """The predictions of a fitted model for these columns.

        Raises:
            NotCompiled: it, or something inside it, can't be exported.
        """
        with self._step(name or type(estimator).__name__, estimator):
            fitted = self._exporters.model_of(estimator)(estimator, self, x)
            self.steps.append(Step(self.path, estimator, x, None))
        return fitted

    @property
    def path(self) -> str:
        """The names of the steps that are being exported, from the outermost to the innermost."""
        return " / ".join(self._path)

    @contextmanager
    def _step(self, name: str, estimator: Any) -> Iterator[None]:
        self._path.append(name)
        try:
            yield
        except NotCompiled as error:
            if not error.step:
                error.step, error.estimator = self.path, estimator
            raise
        except FOREIGN as error:
            why = f"its exporter met {type(error).__name__}: {error}"
            raise NotCompiled(why, step=self.path, estimator=estimator) from error
        finally:
            self._path.pop()

    def linear(self, x: Features, coefficients: Any, intercept: Any) -> int:
        """Finite columns times coefficients of shape (n_outputs, n_columns), plus intercepts."""
        return sums.linear(self, x, coefficients, intercept)

    def plan(self, fitted: Fitted) -> Plan:
        """The plan for the outputs of the signature, without operations that they don't need.

        Raises:
            NotCompiled: the model lacks one of these outputs.
        """
        outputs = self._plan_outputs(fitted)
        probabilities = self._probabilities_of(fitted)
        scores = fitted.scores if self.signature.output.score else None
        if self.signature.output.score and scores is None:
            raise NotCompiled("its scores can't be exported")
        distances = fitted.distances if self.signature.output.has_distances else None
        if self.signature.output.has_distances and distances is None:
            raise NotCompiled("its distances to clusters can't be exported")
        plan = Plan(
            self.signature.names, self.operations, outputs, probabilities, scores, distances
        )
        plan = pruned(merged(plan))
        return without_unread(plan, self.signature.fields)

    def _probabilities_of(self, fitted: Fitted) -> int | None:
        """The register of the probabilities in the signature, those of several outputs joined."""
        outputs = self.signature.outputs
        parts = [
            one.probabilities
            for one, output in zip(fitted.outputs or (fitted,), outputs, strict=False)
            if output.has_probabilities
        ]
        registers = [one for one in parts if one is not None]
        if len(registers) < sum(output.has_probabilities for output in outputs):
            raise NotCompiled("its probabilities can't be exported")
        return (
            self.add(Join(tuple(registers))) if len(registers) > 1 else next(iter(registers), None)
        )

    def _plan_outputs(self, fitted: Fitted) -> tuple[PlanOutput, ...]:
        n_outputs = len(self.signature.outputs)
        if fitted.outputs:
            return tuple(output for one in fitted.outputs for output in self._outputs_of(one))
        if fitted.index is None and fitted.values is None:
            raise NotCompiled("it returns no predictions")
        outputs = self._outputs_of(fitted)
        if len(outputs) != n_outputs:
            raise NotCompiled(f"it has {len(outputs)} outputs, the signature has {n_outputs}")
        return outputs

    def _outputs_of(self, fitted: Fitted) -> tuple[PlanOutput, ...]:
        if fitted.index is not None:
            return (PlanOutput(fitted.index, classes=fitted.classes),)
        if fitted.values is None:
            raise NotCompiled("it returns no predictions")
        values = fitted.values
        return tuple(PlanOutput(values, column) for column in range(self.width(values)))
