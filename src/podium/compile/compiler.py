"""A fitted estimator to a program, if there is one with equal predictions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from podium.compile import registry
from podium.compile.advice import advice, without_exporter
from podium.compile.blame import differences
from podium.compile.builder import Builder, Step
from podium.compile.features import NotCompiled
from podium.compile.own_code.state import unchanged
from podium.compile.registry import class_name
from podium.compile.verify import Original, Verification, verify
from podium.errors import BundleError, SetupError
from podium.program import Program
from podium.signature import Signature
from podium.table import Table


@dataclass(frozen=True, kw_only=True)
class StepReport:
    """One line of the table of compiled steps.

    Attributes:
        step: the names of the steps around it, and its own.
        estimator: its class.
        is_compiled: whether it is part of the program.
        why: why it isn't.
        advice: what would make it compile; empty if the reason says so.
        difference: between the results of program and original for the training data, if it was
            measured.
    """

    step: str
    estimator: str
    is_compiled: bool
    why: str = ""
    advice: str = ""
    difference: float | None = None


@dataclass(frozen=True, kw_only=True)
class Compiled:
    """The result of compiling.

    Attributes:
        program: replaces the original; None if there is none.
        report: one line for each step.
        verification: of the program, including one that was rejected.
        why: why there is no program.
    """

    program: Program | None
    report: tuple[StepReport, ...] = ()
    verification: Verification | None = None
    why: str = ""


_DIFFERS = "it differs from the original"
# How many rows each step by itself is compared on.
STEP_ROWS = 100


def compile_model(
    estimator: Any,
    signature: Signature,
    sample: Table,
    *,
    original: Original,
    frame: Callable[[Table], Any] | None = None,
) -> Compiled:
    """The estimator as a program that was verified to be equal, or the reason why there is none.

    Args:
        signature: the model's inputs and outputs.
        sample: rows of the training data.
        original: the estimator's own predictions for a table; raises ModelError if it refuses them.
        frame: converts a table to the estimator's form: with it the report says how much each step
            of a pipeline differs.
    """
    build = Builder(signature, registry)
    try:
        with unchanged(estimator):  # code that is recorded may keep a stand-in
            program = _export(estimator, signature, build)
        return _verified(program, build, estimator, sample, original=original, frame=frame)
    except NotCompiled as error:
        return _without(build, error, estimator)
    except SetupError:  # an installed library contradicts itself, or lacks something
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, the original still predicts
        why = f"compiling it failed: {type(error).__name__}: {str(error)[:300]}"
        return _without(build, NotCompiled(why, estimator=estimator), estimator)


def _verified(
    program: Program,
    build: Builder,
    estimator: Any,
    sample: Table,
    *,
    original: Original,
    frame: Callable[[Table], Any] | None,
) -> Compiled:
    """The program if its predictions equal the original's, and how much each step differs."""
    with _one_thread():
        verification = verify(program, original, sample)
        some = sample.take(slice(0, STEP_ROWS))
        by_step = {} if frame is None else differences(build, estimator, frame(some), some)
    by_step[len(build.steps) - 1] = verification.difference
    if verification.is_equal:
        report = _report(build.steps, by_step)
        return Compiled(program=program, report=report, verification=verification)
    bad = next((n for n, d in sorted(by_step.items()) if d > verification.tolerance), -1)
    return Compiled(
        program=None,
        report=_report(build.steps, by_step, bad if bad >= 0 else len(build.steps) - 1),
        verification=verification,
        why=f"the program differs from the original: {verification.why}",
    )


def _export(estimator: Any, signature: Signature, build: Builder) -> Program:
    """The program as it will be served: written, and read again."""
    try:
        plan = build.plan(build.model(estimator, build.inputs()))
        return Program.load(Program(plan, signature).parts(), signature)
    except NotCompiled as error:
        error.estimator = estimator if error.estimator is None else error.estimator
        raise
    except BundleError as error:  # an invalid forest, or a signature that doesn't match
        raise NotCompiled(error.message, estimator=estimator) from error


def _without(build: Builder, error: NotCompiled, estimator: Any) -> Compiled:
    """No program, the step to blame, and others inside the model that wouldn't compile either."""
    blamed = StepReport(
        step=error.step or type(error.estimator).__name__,
        estimator=class_name(error.estimator),
        is_compiled=False,
        why=error.why,
        advice=advice(error.why),
    )
    known = frozenset(id(one) for one in (error.estimator, *(s.estimator for s in build.steps)))
    others = tuple(
        StepReport(
            step=path,
            estimator=class_name(step),
            is_compiled=False,
            why=why,
            advice=advice(why),
        )
        for path, step, why in without_exporter(estimator, known)
    )
    report = (*_report(build.steps, {}), blamed, *others)
    return Compiled(program=None, report=report, why=f"{blamed.step}: {error.why}")


def _report(
    steps: Sequence[Step], differences: Mapping[int, float], bad: int = -1
) -> tuple[StepReport, ...]:
    """One line for each step; the step that is `bad` differs, and so does the model."""
    wrong = {bad, len(steps) - 1} if bad >= 0 else set()
    return tuple(
        StepReport(
            step=step.name,
            estimator=class_name(step.estimator),
            is_compiled=number not in wrong,
            why=_DIFFERS if number in wrong else "",
            advice=advice(_DIFFERS) if number == bad else "",
            difference=differences.get(number),
        )
        for number, step in enumerate(steps)
    )


@contextmanager
def _one_thread() -> Iterator[None]:
    """Run the original in one thread: a forest's sums depend on the order in which threads add."""
    with ExitStack() as stack:
        try:  # scikit-learn requires both; another library's model may come without
            joblib, threadpoolctl = import_module("joblib"), import_module("threadpoolctl")
        except ImportError:
            pass
        else:
            stack.enter_context(joblib.parallel_config(backend="sequential"))
            stack.enter_context(threadpoolctl.threadpool_limits(1))
        yield
