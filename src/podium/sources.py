"""Sources of models: whatever a caller or the command line names, opened as bundles."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from podium.bundle import Bundle, load
from podium.bundle.manifest import MODEL_NAME
from podium.bundle.trust import sniff
from podium.errors import BundleError, PodiumError, SetupError

if TYPE_CHECKING:  # a server of bundles needs neither functions nor packing
    from podium.runtimes.python import FunctionModel

_log = logging.getLogger("podium")
Source: TypeAlias = "Bundle | FunctionModel | str | Path"


@dataclass(frozen=True)
class Opened:
    """The result of opening sources: models that can be served, and why others can't."""

    bundles: dict[str, Bundle]
    failures: dict[str, PodiumError]

    @property
    def versions(self) -> dict[str, str]:
        """The version of each model, by name; "" for one that can't be served."""
        of_failed = {name: "" for name in self.failures if MODEL_NAME.fullmatch(name)}
        return of_failed | {name: one.version for name, one in self.bundles.items()}

    def bundle(self, name: str, unknown: str) -> Bundle:
        """The model with this name.

        Args:
            unknown: the error message if there is none.

        Raises:
            SetupError: there is none.
            PodiumError: it can't be served.
        """
        if name in self.failures:
            raise self.failures[name]
        if name not in self.bundles:
            raise SetupError(unknown, hint=f"known: {', '.join(self.bundles) or 'none'}")
        return self.bundles[name]

    def logged(self) -> Opened:
        """The same, after logging what failed."""
        for name, error in self.failures.items():
            _log.error("model_not_loaded %s: %s", name, error, extra={"model": name})
        return self

    def required(self) -> list[Bundle]:
        """All of them, if none failed; otherwise the first failure is raised."""
        for error in self.failures.values():
            raise error
        return list(self.bundles.values())


def bundles_of(sources: Sequence[Source], home: Path, trust: Sequence[str]) -> list[Bundle]:
    """The bundles that the sources name, in their order.

    Args:
        sources: bundles, their files, folders of them, functions, or `module:function`.
        home: the folder for packed functions.
        trust: `sha256:...` digests of pickles that may be loaded.

    Raises:
        SetupError: a source doesn't exist, a pickle isn't trusted, or two models have the same
            name.
        BundleError: a file isn't a bundle, or is damaged.
    """
    return open_models(sources, home, trust).required()


def open_models(
    sources: Sequence[Source], home: Path, trust: Sequence[str], names: Sequence[str] = ()
) -> Opened:
    """The models that the sources name; one that can't be opened doesn't affect the others.

    Args:
        names: the names of the sources; a model that was packed under another name fails.
    """
    bundles: dict[str, Bundle] = {}
    failures: dict[str, PodiumError] = {}
    unnamed: list[tuple[Source, PodiumError]] = []
    for place, one in enumerate(sources):
        said = names[place] if names else ""
        for source in _each(one):
            name = said
            try:
                bundle = _bundle(source, home, trust)
                name = said or bundle.name
                _check_name(name, bundle, bundles.get(name) or failures.get(name))
                bundle.check_trust()
                bundles[name] = bundle
            except PodiumError as error:
                bundles.pop(name, None)
                if name:
                    failures[name] = error
                else:
                    unnamed.append((source, error))
    for source, failure in unnamed:
        name = _name_of(source)
        failures[str(source) if name in {*bundles, *failures} else name] = failure
    return Opened(bundles, failures)


def _check_name(name: str, bundle: Bundle, other: Bundle | PodiumError | None) -> None:
    if name != bundle.name:
        raise SetupError(
            f"the model {name!r} was packed as {bundle.name!r}",
            hint=f"call it {bundle.name!r}, or pack it again with name={name!r}",
        )
    if other is not None:
        files = [str(one.path) for one in (other, bundle) if isinstance(one, Bundle)]
        raise SetupError(
            f"two models are called {name!r}: {' and '.join(files)}",
            hint="pack one of them under another name",
        )


def _each(source: Source) -> list[Source]:
    """The files of a folder, and every other source as it is."""
    if not isinstance(source, (str, Path)) or not Path(source).is_dir():
        return [source]
    return [*sorted(Path(source).glob("*.podium"))] or [source]


def _name_of(source: Source) -> str:
    """The probable name of a model that can't be opened."""
    if not isinstance(source, (str, Path)):
        return source.name
    _, colon, function = str(source).rpartition(":")
    return function if colon and not Path(source).exists() else Path(source).stem


def _bundle(source: Source, home: Path, trust: Sequence[str]) -> Bundle:
    if isinstance(source, Bundle):
        return source
    if not isinstance(source, (str, Path)):
        return _packed(source, home)
    path = Path(source)
    if path.is_dir():
        raise SetupError(f"the folder {path} contains no .podium file", hint="pack a model into it")
    if path.is_file():
        return _of_file(path, trust)
    if ":" in str(source):
        from podium.runtimes.python import load_function

        return _packed(load_function(str(source)), home)
    raise SetupError(
        f"{source} doesn't exist",
        hint="give a .podium file, a folder of them, or module:function",
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
    from podium.packing.pack import pack

    folder = home / "packed"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = function.name if MODEL_NAME.fullmatch(function.name) else "model"
    return pack(function, name=name, path=folder)
