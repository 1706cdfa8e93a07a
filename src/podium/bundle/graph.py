"""An ONNX graph in place of an estimator that has no program."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from podium.bundle.compilation import Graph, verified_of
from podium.errors import SetupError
from podium.outputs import Outputs
from podium.runtimes.onnx import OnnxRuntime
from podium.runtimes.onnx_sklearn import can_convert, graphs_of
from podium.signature import Signature
from podium.table import Table

# After this long no further graph is tried: the original predicts anyway.
SECONDS_MAX = 10.0


def graph_in_place(
    estimator: Any,
    signature: Signature,
    original: Callable[[Table], Outputs],
    sample: Table,
) -> tuple[bytes | None, Graph | None]:
    """The graph to serve, and the result of trying; nothing if skl2onnx isn't installed.

    Args:
        original: the estimator's own predictions; raises ModelError if it refuses rows.
        sample: rows of the training data, in the form of the signature.
    """
    if not can_convert(estimator):
        return None, None
    tried = Graph(is_used=False, why="none of its fields can be an input of a graph")
    began = time.perf_counter()
    for candidate in graphs_of(estimator, signature):
        if isinstance(candidate, str):
            tried = tried if tried.verified else Graph(is_used=False, why=candidate)
            continue
        try:
            tried = _converted(candidate, signature, original, sample)
        except Exception as error:  # noqa: BLE001 - whatever it is, the original still predicts
            tried = Graph(is_used=False, why=f"{type(error).__name__}: {str(error)[:300]}")
        if tried.is_used:
            return candidate, tried
        if time.perf_counter() - began > SECONDS_MAX:
            break
    return None, tried


def _converted(
    content: bytes, signature: Signature, original: Callable[[Table], Outputs], sample: Table
) -> Graph:
    from podium.compile import verify_opaque  # a server never needs it

    try:
        runtime = OnnxRuntime(content, signature)
    except SetupError as error:
        return Graph(is_used=False, why=error.message)
    verification = verify_opaque(runtime.predict, signature, original, sample)
    why = "" if verification.is_equal else f"it differs from the original: {verification.why}"
    return Graph(is_used=verification.is_equal, why=why, verified=verified_of(verification))
