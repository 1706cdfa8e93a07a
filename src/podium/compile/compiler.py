"""A fitted estimator to a program, if there is one that answers as it does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from podium.compile.builder import Builder, Step
from podium.compile.features import NotCompiled
from podium.compile.registry import class_name
from podium.compile.verify import Original, Verification, verify
from podium.errors import BundleError
from podium.program import Program
from podium.signature import Signature
from podium.table import Table


@dataclass(frozen=True, kw_only=True)
class StepReport:
    """One line of the table that says what was compiled.

    Attributes:
        step: the names of the steps around it and its own.
        estimator: its class.
        is_compiled: it is part of the program.
        why: it isn't, because.
        difference: between what program and original make of the training data, where it was
            measured.
    """

    step: str
    estimator: str
    is_compiled: bool
    why: str = ""
    difference: float | None = None


@dataclass(frozen=True, kw_only=True)
class Compiled:
    """What came of compiling.

    Attributes:
        program: that may be used instead of the original; None where there is none.
        report: a line a step.
        verification: of the program, also of one that was rejected.
        why: there is no program, because.
    """

    program: Program | None
    report: tuple[StepReport, ...] = ()
    verification: Verification | None = None
    why: str = ""


# What an exporter may raise when it meets an estimator of a version or a kind that it doesn't
# know: an attribute is missing, or holds something else.
_FOREIGN = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)


def compile_model(
    estimator: Any, signature: Signature, sample: Table, *, original: Original
) -> Compiled:
    """The estimator as a program that was verified to be its equal, or why there is none.

    Args:
        signature: what the model takes and gives.
        sample: rows of the training data.
        original: the estimator's own answers for a table; raises ModelError where it refuses.
    """
    build = Builder(signature)
    try:
        program = _export(estimator, signature, build)
    except NotCompiled as error:
        return _without(build, error)
    except BundleError as error:
        return _without(build, NotCompiled(error.message, estimator=estimator))
    with _one_thread():
        verification = verify(program, original, sample)
    if not verification.is_equal:
        why = f"the program differs from the original: {verification.why}"
        return Compiled(
            program=None,
            report=_report(build.steps, is_compiled=False, why="differs", found=verification),
            verification=verification,
            why=why,
        )
    return Compiled(
        program=program,
        report=_report(build.steps, is_compiled=True, why="", found=verification),
        verification=verification,
    )


def _export(estimator: Any, signature: Signature, build: Builder) -> Program:
    """The program as it will be served: written, and read again."""
    try:
        plan = build.plan(build.model(estimator, build.inputs()))
    except NotCompiled as error:
        error.estimator = estimator if error.estimator is None else error.estimator
        raise
    except _FOREIGN as error:
        raise NotCompiled(
            f"its exporter met {type(error).__name__}: {error}", estimator=estimator
        ) from error
    return Program.load(Program(plan, signature).parts(), signature)


def _without(build: Builder, error: NotCompiled) -> Compiled:
    """No program, and which step is to blame."""
    blamed = StepReport(
        step=error.step or type(error.estimator).__name__,
        estimator=class_name(error.estimator),
        is_compiled=False,
        why=error.why,
    )
    report = (*_report(build.steps, is_compiled=True, why="", found=None), blamed)
    return Compiled(program=None, report=report, why=f"{blamed.step}: {error.why}")


def _report(
    steps: list[Step], *, is_compiled: bool, why: str, found: Verification | None
) -> tuple[StepReport, ...]:
    last = len(steps) - 1
    return tuple(
        StepReport(
            step=step.name,
            estimator=class_name(step.estimator),
            is_compiled=is_compiled or number < last,
            why="" if number < last else why,
            difference=found.difference if found is not None and number == last else None,
        )
        for number, step in enumerate(steps)
    )


@contextmanager
def _one_thread() -> Iterator[None]:
    """The original in one thread: a forest's sums depend on the order in which threads add."""
    with ExitStack() as stack:
        try:  # scikit-learn brings both; another library's model may come without
            joblib, threadpoolctl = import_module("joblib"), import_module("threadpoolctl")
        except ImportError:
            pass
        else:
            stack.enter_context(joblib.parallel_config(backend="sequential"))
            stack.enter_context(threadpoolctl.threadpool_limits(1))
        yield
