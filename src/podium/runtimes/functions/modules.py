"""Imports modules that contain functions from their folders.

While a module is being imported, its folder comes first on `sys.path`, as for a script. Afterwards
the folder stays, but at the end: modules that are imported only when a function is called (a
sibling, inside a function) are still found, and a file in that folder can't shadow an installed
library that something else imports later. The path belongs to the whole process, so two files with
the same name can't both be loaded: the second is refused.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from podium.errors import SetupError


def module_named(name: str, folder: Path) -> ModuleType:
    """The module of this name, searched for in the folder first.

    Raises:
        SetupError: it doesn't exist, or its name is already taken.
        Exception: whatever the module raises while it is imported.
    """
    parts = name.split(".")
    if not all(part.isidentifier() for part in parts):
        raise SetupError(f"{name!r} can't be the name of a module", hint="write module:function")
    if parts[0] in sys.stdlib_module_names or parts[-1] == "__main__":
        raise SetupError(
            f"{name} belongs to Python itself",
            hint="put the function into a file with another name",
        )
    if not folder.is_dir():
        raise SetupError(f"the folder {folder} doesn't exist")
    main = _main_if_named(name)
    if main is not None:
        return main
    with _first_on_path(folder.resolve()):
        importlib.invalidate_caches()
        _require_importable(name, folder)
        module = importlib.import_module(name)
    _require_ours(module, name, folder)
    return module


def module_of_file(file: Path) -> ModuleType:
    """The module in this file, which may be part of a package.

    Raises:
        SetupError: it doesn't exist, or its name is already taken.
        Exception: whatever the module raises while it is imported.
    """
    file = file.resolve()
    if not file.is_file():
        raise SetupError(f"the file {file} doesn't exist")
    if not file.stem.isidentifier():
        raise SetupError(
            f"a file called {file.name} can't be imported",
            hint="use letters, digits and underscores in its name",
        )
    names, folder = [file.stem], file.parent
    while (folder / "__init__.py").is_file():
        names.insert(0, folder.name)
        folder = folder.parent
    return module_named(".".join(names), folder)


def name_of_main() -> str | None:
    """The name under which the running script can be imported; None if it can't be."""
    main = sys.modules["__main__"]
    spec = getattr(main, "__spec__", None)
    if spec is not None:  # python -m package.module
        return None if spec.name.endswith("__main__") else str(spec.name)
    file = Path(getattr(main, "__file__", None) or "")
    if not file.stem.isidentifier() or file.stem in sys.stdlib_module_names or not file.is_file():
        return None
    on_path = find_spec(file.stem)
    origin = on_path.origin if on_path is not None else None
    return file.stem if origin is not None and _is_same(origin, file) else None


def _main_if_named(name: str) -> ModuleType | None:
    """The running script, if it is the requested module: an import would run it again."""
    main = sys.modules["__main__"]
    if name in sys.modules or name.rpartition(".")[2] not in _names_of(main):
        return None
    return main if name_of_main() == name else None


def _names_of(main: ModuleType) -> tuple[str, ...]:
    spec = getattr(main, "__spec__", None)
    file = getattr(main, "__file__", None)
    names = [spec.name.rpartition(".")[2]] if spec is not None else []
    return (*names, Path(file).stem) if file else tuple(names)


def _require_importable(name: str, folder: Path) -> None:
    """Check that the module and its parent packages can be imported."""
    outer = ""
    for part in name.split("."):
        is_package = not outer or hasattr(importlib.import_module(outer), "__path__")
        outer = f"{outer}.{part}".lstrip(".")
        if not is_package or (outer not in sys.modules and find_spec(outer) is None):
            raise SetupError(
                f"there is no module {outer!r}",
                hint=f"looked in {folder} and in the installed packages",
            )


def _require_ours(module: ModuleType, name: str, folder: Path) -> None:
    """Check that a file in the folder, if there is one with that name, is what was imported."""
    place = folder.joinpath(*name.split("."))
    file = module.__file__ or ""
    for expected in (place / "__init__.py", place.with_suffix(".py")):
        if expected.is_file() and not _is_same(file, expected):
            raise SetupError(
                f"{expected} can't be imported: another module is called {name}, {file}",
                hint="give the file another name",
            )


def _is_same(one: str, other: Path) -> bool:
    path = Path(one)
    return path.exists() and path.samefile(other)


@contextmanager
def _first_on_path(folder: Path) -> Iterator[None]:
    entry = str(folder)
    was_on_path = entry in sys.path
    sys.path.insert(0, entry)
    try:
        yield
    finally:
        sys.path.remove(entry)  # the first of several is the one that was inserted
        if not was_on_path:
            sys.path.append(entry)
