"""Where models come from: whatever a caller or the command line names, as bundles."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from podium.bundle import Bundle, load
from podium.bundle.trust import sniff
from podium.errors import BundleError, SetupError

if TYPE_CHECKING:  # a server of bundles needs neither functions nor what packs them
    from podium.runtimes.python import FunctionModel

Source: TypeAlias = "Bundle | FunctionModel | str | Path"


def bundles_of(sources: Sequence[Source], home: Path, trust: Sequence[str]) -> list[Bundle]:
    """The bundles that the sources name, in their order.

    Args:
        sources: bundles, their files, folders of them, functions, or `module:function`.
        home: where functions are packed.
        trust: `sha256:...` digests of pickles that may be loaded.

    Raises:
        SetupError: a source names nothing, or two models have one name.
        BundleError: a file isn't a bundle, or not the one that was packed.
    """
    bundles: list[Bundle] = []
    for source in sources:
        bundles += _bundles(source, home, trust)
    names = [bundle.name for bundle in bundles]
    for name in names:
        if names.count(name) > 1:
            files = [str(bundle.path) for bundle in bundles if bundle.name == name]
            raise SetupError(
                f"two models are called {name!r}: {' and '.join(files)}",
                hint="pack one of them under another name",
            )
    return bundles


def _bundles(source: Source, home: Path, trust: Sequence[str]) -> list[Bundle]:
    if isinstance(source, Bundle):
        return [source]
    if not isinstance(source, (str, Path)):
        return [_packed(source, home)]
    path = Path(source)
    if path.is_dir():
        files = sorted(path.glob("*.podium"))
        if not files:
            raise SetupError(
                f"the folder {path} holds no .podium file", hint="pack a model into it"
            )
        return [load(file, trust=trust) for file in files]
    if path.is_file():
        return [_of_file(path, trust)]
    if ":" in str(source):
        from podium.runtimes.python import load_function

        return [_packed(load_function(str(source)), home)]
    raise SetupError(
        f"{source} isn't there",
        hint="name a .podium file, a folder of them, or module:function",
    )


def _of_file(path: Path, trust: Sequence[str]) -> Bundle:
    if path.suffix == ".py":
        raise SetupError(f"{path} is a Python file", hint=f"name the function in it: {path}:NAME")
    try:
        return load(path, trust=trust)
    except BundleError as error:
        kind = sniff(path)
        if kind in ("pickle", "joblib", "skops", "onnx"):
            raise SetupError(
                f"{path} is a model that isn't packed ({kind})",
                hint=f"podium serve {path} --data train.csv --target NAME packs and serves it",
            ) from error
        raise


def _packed(function: FunctionModel, home: Path) -> Bundle:
    from podium.bundle.pack import NAME, pack

    folder = home / "packed"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = function.name if NAME.fullmatch(function.name) else "model"
    return pack(function, name=name, path=folder)
