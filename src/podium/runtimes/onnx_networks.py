"""Networks of PyTorch and Keras as ONNX graphs: exported by their own library, then compared."""

from __future__ import annotations

import io
import logging
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from podium.errors import SetupError
from podium.plugins import needs
from podium.runtimes.onnx import open_session
from podium.table import Array

# Supported by ONNX Runtime 1.18, the oldest supported version, and by all newer ones.
OPSET = 18
ROWS_MAX = 500
TOLERANCE_SINGLE = 1e-5
TOLERANCE_DOUBLE = 1e-9


@dataclass(frozen=True, kw_only=True)
class Exported:
    """A graph whose output equals that of its network.

    Attributes:
        n_rows: the number of rows on which they were compared.
        n_mixed: the number of further rows, each with cells from different ones of these.
        difference: the largest one, relative.
        tolerance: the largest allowed one.
    """

    content: bytes
    n_rows: int
    n_mixed: int
    difference: float
    tolerance: float


def is_network(model: object) -> bool:
    """Whether it is a PyTorch module or a Keras model."""
    return _is_keras(model) or _is_torch(model)


def described_network(network: Any) -> str:
    """The network in a few words."""
    library = "Keras model" if _is_keras(network) else "PyTorch module"
    return f"{library} {type(network).__name__}"


def exported(network: Any, rows: Array) -> Exported:
    """The network as a graph, compared with the network itself.

    Args:
        rows: of the training data, shape (n_rows, n_fields), which it takes as one tensor.

    Raises:
        MissingExtra: the library that exports or runs it isn't installed.
        SetupError: it refuses the rows, can't be exported, or predicts differently as a graph.
    """
    with needs("torch"):
        import onnxscript  # noqa: F401 - both libraries export through it
        import torch
    rows = rows[np.linspace(0, len(rows) - 1, min(len(rows), ROWS_MAX)).astype(int)]
    mixed = np.random.default_rng(0).permuted(rows, axis=0)
    if _is_keras(network):
        rows, mixed = rows.astype(np.float32), mixed.astype(np.float32)
        live, convert = _keras(network)
        _run_network(live, rows)
        return _compared(live, convert(), rows, mixed)
    parameter = next((p for p in network.parameters() if p.is_floating_point()), None)
    is_double = parameter is not None and parameter.dtype == torch.float64
    dtype = np.float64 if is_double else np.float32
    rows, mixed = rows.astype(dtype), mixed.astype(dtype)
    with _in_eval_mode(network):
        device = None if parameter is None else parameter.device

        def live(rows: Array) -> Any:
            with torch.no_grad():
                output = network(torch.from_numpy(rows).to(device))
            return output.cpu().numpy() if isinstance(output, torch.Tensor) else output

        _run_network(live, rows)
        return _compared(live, _of_torch(network, rows[:2], device), rows, mixed)


def _is_torch(model: object) -> bool:
    return any(kind.__module__ == "torch.nn.modules.module" for kind in type(model).__mro__)


def _is_keras(model: object) -> bool:
    return any(
        kind.__module__.startswith("keras.") and kind.__name__ == "Model"
        for kind in type(model).__mro__
    )


def _of_torch(network: Any, rows: Array, device: Any) -> bytes:
    import torch

    # Two rows: with one, torch.export would take the number for a constant.
    example = torch.from_numpy(np.resize(rows, (2, rows.shape[1]))).to(device)
    content = io.BytesIO()

    def export() -> None:
        program = torch.onnx.export(
            torch.nn.Sequential(network).eval(),  # always names its input "input"
            (example,),
            dynamo=True,
            dynamic_shapes=({0: torch.export.Dim.DYNAMIC},),
            input_names=["rows"],
            output_names=["answers"],
            opset_version=OPSET,
            verbose=False,
            external_data=False,
        )
        program.save(content)

    _without_output(export)
    return content.getvalue()


def _keras(network: Any) -> tuple[Callable[[Array], Any], Callable[[], bytes]]:
    import keras

    def live(rows: Array) -> Any:
        output = network(rows, training=False)
        many = isinstance(output, (list, tuple, dict))
        return output if many else keras.ops.convert_to_numpy(output)

    def convert() -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "graph.onnx"
            _without_output(
                lambda: network.export(str(file), format="onnx", verbose=False, opset_version=OPSET)
            )
            return file.read_bytes()

    return live, convert


def _without_output(export: Callable[[], None]) -> None:
    """Run an exporter without its warnings and logs.

    Raises:
        SetupError: it failed.
    """
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            export()
    except Exception as error:
        cause: BaseException = error
        while cause.__cause__ is not None:
            cause = cause.__cause__
        raise SetupError(
            f"the network can't be exported to ONNX: {type(cause).__name__}: {str(cause)[:300]}",
            hint="it has to take one tensor of shape (n_rows, n_fields), and no step of it may depend "
            "on the values of a row; a function made with @podium.model serves any other network",
        ) from error
    finally:
        logging.disable(before)


@contextmanager
def _in_eval_mode(network: Any) -> Iterator[None]:
    """Run the network in evaluation mode; then restore the mode that it had."""
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


def _run_network(live: Callable[[Array], Any], rows: Array) -> Array:
    """The network's own output.

    Raises:
        SetupError: it refuses the rows, or its output isn't one or several numbers per row.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            output = live(rows)
    except Exception as error:
        raise SetupError(
            f"the network can't take rows of {rows.shape[1]} numbers: {str(error)[:300]}",
            hint="pass X with the columns that it was trained on, in their order",
        ) from error
    if not isinstance(output, np.ndarray) or output.ndim not in (1, 2):
        returned = (
            f"shape {output.shape}" if isinstance(output, np.ndarray) else type(output).__name__
        )
        raise SetupError(
            f"the network returns {returned}; it has to return one tensor, with one row for each row"
        )
    if len(output) != len(rows):
        raise SetupError(f"the network returned {len(output)} rows for {len(rows)}")
    return output


def _compared(live: Callable[[Array], Any], content: bytes, rows: Array, mixed: Array) -> Exported:
    session = open_session(content)
    name = session.get_inputs()[0].name
    tolerance = TOLERANCE_DOUBLE if rows.dtype == np.float64 else TOLERANCE_SINGLE
    theirs = _run_network(live, rows)
    sizes = np.median(np.abs(theirs), axis=0)
    scale = np.where(sizes > 0, sizes, 1.0)
    most = 0.0
    for some in (rows, rows[:1], mixed):
        ours, theirs = session.run(None, {name: some})[0], _run_network(live, some)
        if ours.shape != theirs.shape:
            raise SetupError(
                f"as an ONNX graph the network returns {ours.shape}, not {theirs.shape}"
            )
        with np.errstate(invalid="ignore"):
            off = np.abs(ours - theirs) / np.maximum(np.abs(theirs), scale)
        same = (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
        off = np.where(same, 0.0, np.where(np.isnan(off), np.inf, off))
        most = max(most, float(off.max(initial=0.0)))
    if most > tolerance:
        raise SetupError(
            f"as an ONNX graph the network predicts differently: by {most:.1e}, allowed is "
            f"{tolerance:.0e}",
            hint="are its predictions random? A function made with @podium.model serves it as it is",
        )
    return Exported(
        content=content,
        n_rows=len(rows),
        n_mixed=len(mixed),
        difference=most,
        tolerance=tolerance,
    )
