"""The classes and functions that a fitted model refers to, which loading it requires."""

from __future__ import annotations

import io
import pickle
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from podium.errors import SetupError

# This many classes and functions are named in an error.
_LISTED_MAX = 5


@dataclass(frozen=True)
class References:
    """What loading a model imports.

    Attributes:
        modules: top-level modules, sorted by name, without those of Python itself.
        unreachable: classes and functions that no other process can import, in words.
    """

    modules: tuple[str, ...] = ()
    unreachable: tuple[str, ...] = ()

    def require_reachable(self) -> None:
        """Check that another process can load the model.

        Raises:
            SetupError: some of its classes or functions can't be imported there.
        """
        if not self.unreachable:
            return
        listed = ", ".join(self.unreachable[:_LISTED_MAX])
        more = len(self.unreachable) - _LISTED_MAX
        listed += f" and {more} more" if more > 0 else ""
        raise SetupError(f"the model can't be loaded elsewhere: it uses {listed}", hint=MOVE_HINT)


MOVE_HINT = (
    "move it into a module of its own that can be imported where the model is served too, best one "
    "of an installed package, import it from there in the training script, and fit and pack again; "
    "or write the prediction as a function with @podium.model"
)


def references_of(model: object) -> References:
    """What a fitted estimator refers to, however deeply nested.

    That is what its pickle would name, including the bases of its classes. The pickle itself isn't
    stored.
    """
    listing = _Listing()
    with suppress(Exception):  # anything that can't be pickled was listed before it failed
        listing.dump(model)
    return _references(listing.globals_.values())


def references_of_class(kind: type) -> References:
    """What a class and its bases refer to, for models that are saved in another way."""
    return _references([kind])


def references_of_function(function: Callable[..., Any]) -> References:
    """What the module of a function refers to by name: modules, classes, functions and objects."""
    named = list(vars(sys.modules[function.__module__]).values())
    modules = {one.__name__.partition(".")[0] for one in named if isinstance(one, ModuleType)}
    kinds = [one if _is_global(one) else type(one) for one in named]
    return References(_foreign(modules | {_top(base) for one in kinds for base in _bases(one)}))


class _Listing(pickle.Pickler):
    """A pickler that writes nothing, and lists the classes and functions that it encounters."""

    def __init__(self) -> None:
        self.globals_: dict[int, Any] = {}
        # Arrays aren't pickled: only their types matter.
        super().__init__(_NullFile(), protocol=5, buffer_callback=lambda _: False)

    def persistent_id(self, value: Any) -> None:
        """Called with every object before it is pickled; None continues."""
        if _is_global(value):
            self.globals_[id(value)] = value


class _NullFile(io.RawIOBase):
    def write(self, content: Any) -> int:
        return memoryview(content).nbytes


def _references(objects: Iterable[Any]) -> References:
    objects = tuple(objects)
    modules = {_top(base) for one in objects for base in _bases(one)}
    unreachable = dict.fromkeys(_words(one) for one in objects if not _is_reachable(one))
    return References(_foreign(modules), tuple(unreachable))


def _is_global(value: object) -> bool:
    """Whether a pickle would contain only its name."""
    return isinstance(value, (type, FunctionType)) or type(value).__name__ in (
        "builtin_function_or_method",
        "ufunc",
        "cython_function_or_method",
    )


def _bases(item: Any) -> Iterator[Any]:
    yield from item.__mro__ if isinstance(item, type) else [item]


def _top(item: Any) -> str:
    module = getattr(item, "__module__", None) or type(item).__module__
    return str(module).partition(".")[0]


def _foreign(modules: set[str]) -> tuple[str, ...]:
    """Those that aren't part of Python."""
    excluded = sys.stdlib_module_names | {"__main__", "__mp_main__"}
    return tuple(sorted(modules - excluded))


def _is_reachable(item: Any) -> bool:
    """Whether another process can import its module, and find it there by its name."""
    if "<" in getattr(item, "__qualname__", ""):
        return False  # <lambda>, or inside a function: <locals>
    top = _top(item)
    if top in sys.stdlib_module_names:
        return True
    try:
        return top not in ("__main__", "__mp_main__") and find_spec(top) is not None
    except (ImportError, ValueError):  # a module without a file, created while the script ran
        return False


def _words(item: Any) -> str:
    """`the class Doubler of train.py`, `a lambda of train.py, line 12`."""
    name, place = item.__qualname__, _place(item)
    if isinstance(item, type):
        return f"the class {name.replace('.<locals>', '')} of {place}"
    line = f", line {item.__code__.co_firstlineno}" if isinstance(item, FunctionType) else ""
    if item.__name__ == "<lambda>":
        return f"a lambda of {place}{line}"
    return f"the function {name.replace('.<locals>', '')} of {place}{line}"


def _place(item: Any) -> str:
    module = str(item.__module__)
    if module not in ("__main__", "__mp_main__"):
        return f"the module {module}"
    file = getattr(sys.modules.get(module), "__file__", None)
    return f"the script {Path(file).name}" if file else "the session or notebook (__main__)"
