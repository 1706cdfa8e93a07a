"""The result of compiling, as stored in a bundle."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

from podium.program import Program

if TYPE_CHECKING:  # a server never needs the compiler, nor what turns networks into graphs
    from podium.compile import Compiled, Verification
    from podium.runtimes.onnx_networks import Exported


class CompiledStep(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One estimator inside the model.

    Attributes:
        name: of the step, after the names of those around it.
        why: why it isn't compiled; empty if it is.
        advice: what would make it compile; empty if the reason says so.
        difference: between the results of program and original for the training data, relative.
    """

    name: str
    estimator: str
    is_compiled: bool
    why: str = ""
    difference: float | None = None
    advice: str = ""


class Verified(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The result of comparing program and original; see `podium.compile.Verification`."""

    is_equal: bool
    why: str = ""
    n_rows: int = 0
    n_perturbed: int = 0
    n_refused: int = 0
    n_labels: int = 0
    difference: float | None = None
    tolerance: float = 0.0
    seconds: float = 0.0


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One operation of the program: its kind, and how many numbers its arrays hold."""

    kind: str
    n_numbers: int


class Graph(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The result of trying an ONNX graph if there is no program.

    Attributes:
        is_used: whether the graph is served in place of the original.
        why: why it isn't; empty if it is.
    """

    is_used: bool
    why: str = ""
    verified: Verified | None = None


class Compilation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whether a model became a program, and how that was verified.

    Attributes:
        why: why it didn't; empty if it did.
        is_single: whether some of it computes in single precision, as the original does.
        n_bytes: the size of the program.
        graph: the graph in its place, if one was tried.
    """

    is_compiled: bool
    why: str = ""
    steps: tuple[CompiledStep, ...] = ()
    verified: Verified | None = None
    operations: tuple[Operation, ...] = ()
    is_single: bool = False
    n_bytes: int = 0
    graph: Graph | None = None


def compilation_of(compiled: Compiled) -> Compilation:
    """The part of it that a bundle stores."""
    program = compiled.program
    return Compilation(
        is_compiled=program is not None,
        why=compiled.why,
        steps=tuple(
            CompiledStep(
                name=step.step,
                estimator=step.estimator,
                is_compiled=step.is_compiled,
                why=step.why,
                advice=step.advice,
                difference=_finite(step.difference),
            )
            for step in compiled.report
        ),
        verified=None if compiled.verification is None else verified_of(compiled.verification),
        operations=() if program is None else _operations(program),
        is_single=program is not None and program.is_single,
        n_bytes=0 if program is None else sum(map(len, program.parts().values())),
    )


def exported_compilation(exported: Exported) -> Compilation:
    """What a bundle stores about a network that was exported as an ONNX graph."""
    verified = Verified(
        is_equal=True,
        n_rows=exported.n_rows,
        n_perturbed=exported.n_mixed,
        difference=exported.difference,
        tolerance=exported.tolerance,
    )
    return Compilation(is_compiled=False, graph=Graph(is_used=True, verified=verified))


def verified_of(verification: Verification) -> Verified:
    """The part of it that a bundle stores."""
    return Verified(
        is_equal=verification.is_equal,
        why=verification.why,
        n_rows=verification.n_rows,
        n_perturbed=verification.n_perturbed,
        n_refused=verification.n_refused,
        n_labels=verification.n_labels,
        difference=_finite(verification.difference),
        tolerance=verification.tolerance,
        seconds=round(verification.seconds, 3),
    )


def _operations(program: Program) -> tuple[Operation, ...]:
    return tuple(
        Operation(kind=type(one).__name__.lower(), n_numbers=_n_numbers(one))
        for one in program.plan.operations
    )


def _n_numbers(operation: object) -> int:
    fields = getattr(operation, "__struct_fields__", ())
    return sum(int(getattr(getattr(operation, name), "size", 0)) for name in fields)


def _finite(difference: float | None) -> float | None:
    """A difference that JSON can hold; infinity becomes the greatest double."""
    if difference is None or math.isfinite(difference):
        return difference
    return 1.7976931348623157e308
