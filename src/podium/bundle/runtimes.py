"""The runtimes that open the model of a bundle: ours, and those of other packages."""

from __future__ import annotations

from podium import plugins
from podium.errors import BundleError, PodiumError, SetupError
from podium.runtimes.packed import PackedModel
from podium.runtimes.protocol import Runtime

GROUP = "runtimes"
# The extra of each, and the function that is called with a PackedModel. Modules are imported when a
# bundle needs them.
RUNTIMES = {
    "onnx": ("onnx", "podium.runtimes.onnx:open_graph"),
    "pickle": ("", "podium.bundle.pickles:open_pickle"),
    "program": ("", "podium.runtimes.compiled:open_program"),
    "python": ("", "podium.bundle.functions:open_function"),
    "skops": ("sklearn", "podium.bundle.skops_file:open_skops"),
}


def open_runtime(name: str, packed: PackedModel) -> Runtime:
    """Open a model with its runtime.

    Args:
        name: of the runtime, as in the bundle.

    Raises:
        UntrustedModel: code that isn't trusted would run.
        MissingExtra: a library that it needs isn't installed.
        BundleError: there is no such runtime, or the model can't be opened.
    """
    try:
        start = plugins.load(GROUP, name, RUNTIMES)
    except SetupError as error:
        raise BundleError(
            f"the bundle of {packed.name} can't be opened: {error.message}",
            hint=f"{error.hint}; install the package that registers it, or a newer Podium",
        ) from error
    try:
        runtime: Runtime = start(packed)
    except PodiumError:
        raise
    except Exception as error:
        why = f"{type(error).__name__}: {str(error)[:300]}"
        raise BundleError(f"{name} can't open the model of {packed.name}: {why}") from error
    return runtime
