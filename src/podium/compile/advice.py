"""What would make a step compile, in a sentence for those who trained the model."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from podium.compile import registry
from podium.compile.features import NotCompiled

_KINDS: tuple[tuple[str, str], ...] = (
    (
        r"no exporter is known",
        (
            "use an estimator that compiles in its place, or write an exporter for it "
            "(docs/how-to/exporter.md)"
        ),
    ),
    (
        r"(^|: )line \d+, ",
        (
            "write this line with operations on whole columns (docs/compile.md lists them), or compute "
            "it before the rows reach the model"
        ),
    ),
    (
        r"differs from the original",
        (
            "replace or leave out the step that differs; if it stands on the list in docs/compile.md, "
            "please report it"
        ),
    ),
    (
        r"code, not data",
        "name a function of the library in place of code",
    ),
    (
        r"its exporter met",
        "fit it with a version of its library that this Podium knows, or update Podium",
    ),
    (
        r"single precision|float32",
        "fit it on numbers of double precision: X.astype('float64')",
    ),
    (
        r"sparse",
        "fit it on dense rows",
    ),
    (
        r"as a number, but that is|as numbers; encode",
        "encode the column before this step",
    ),
)


def advice(why: str) -> str:
    """What to change; empty if the reason says so itself, or nothing can be done.

    Args:
        why: the reason why a step doesn't compile.
    """
    for pattern, sentence in _KINDS:
        if re.search(pattern, why):
            return sentence
    return ""


def without_exporter(estimator: Any, known: frozenset[int]) -> Iterator[tuple[str, Any, str]]:
    """The steps inside an estimator for which there is no exporter: path, step and reason.

    Compiling ends at the first step that can't be compiled; these would be the next ones.

    Args:
        known: the `id` of the steps about which something is known.
    """
    for path, step in _steps(estimator, type(estimator).__name__):
        if id(step) in known:
            continue
        find = registry.transformer_of if hasattr(step, "transform") else registry.model_of
        try:
            find(step)
        except NotCompiled as error:
            yield path, step, error.why


def _steps(estimator: Any, path: str) -> Iterator[tuple[str, Any]]:
    """The steps of pipelines, unions and column transformers, from the outside to the inside."""
    for kind in ("steps", "transformers_", "transformer_list"):
        inner = getattr(estimator, kind, None)
        if not isinstance(inner, (list, tuple)):
            continue
        for name, step, *_ in inner:
            if not isinstance(step, str) and step is not None:
                yield f"{path} / {name}", step
                yield from _steps(step, f"{path} / {name}")
        return
