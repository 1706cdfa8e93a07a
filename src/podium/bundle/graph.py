"""An ONNX graph in place of an estimator that has no program."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from podium.bundle.compilation import Graph, verified_of
from podium.errors import SetupError
from podium.runtimes.onnx import OnnxRuntime
from podium.runtimes.onnx_sklearn import can_convert, graphs_of
from podium.signature import Signature
from podium.table import Outputs, Table


def graph_in_place(
    estimator: Any,
    signature: Signature,
    original: Callable[[Table], Outputs],
    sample: Table,
) -> tuple[bytes | None, Graph | None]:
    """The graph to serve, and what came of trying; nothing where skl2onnx isn't installed.

    Args:
        original: the estimator's own answers; raises ModelError where it refuses.
        sample: rows of the training data, as the signature has them.
    """
    from podium.compile import verify_opaque  # a server never needs it

    if not can_convert(estimator):
        return None, None
    tried = Graph(is_used=False, why="none of its fields can be an input of a graph")
    for made in graphs_of(estimator, signature):
        if isinstance(made, str):
            tried = tried if tried.verified else Graph(is_used=False, why=made)
            continue
        try:
            runtime = OnnxRuntime(made, signature)
        except SetupError as error:
            tried = Graph(is_used=False, why=error.message)
            continue
        found = verify_opaque(runtime.predict, signature, original, sample)
        why = "" if found.is_equal else f"it differs from the original: {found.why}"
        tried = Graph(is_used=found.is_equal, why=why, verified=verified_of(found))
        if found.is_equal:
            return made, tried
    return None, tried
