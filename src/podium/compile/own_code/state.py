"""State of one's own code: whatever it changes while packing runs it is put back.

Code may keep what it is given: in its object, its class, a closure, a global, or in a dictionary in one
of these. Packing runs it with stand-ins for data and with thousands of strange rows, none of which may
be left in an object that its owner goes on using. What libraries' objects keep is their own affair.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from functools import partial
from types import CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any, TypeAlias

import numpy as np

from podium.compile.own_code.watch import is_own_class, is_own_code, is_own_module

# A graph of more objects is a library's.
OBJECTS_MAX = 100_000
# A larger array was fitted: counts and caches are small.
ARRAY_MAX = 1 << 26

_Restore: TypeAlias = Callable[[], object]
_ATOMS = (str, bytes, int, float, complex, type(None))
_MISSING = object()
# What holds others for the code in which it is found, and the attributes that hold them.
_HOLDERS: Mapping[type, tuple[str, ...]] = {
    partial: ("func", "args", "keywords"),
    MethodType: ("__func__", "__self__"),
    staticmethod: ("__func__",),
    classmethod: ("__func__",),
    property: ("fget",),
}


@contextmanager
def unchanged(model: Any) -> Iterator[None]:
    """Put back afterwards what one's own code changes meanwhile, wherever in a model it is.

    Arrays of more than ARRAY_MAX bytes aren't looked at.
    """
    walk = _Walk()
    walk.all(model)
    try:
        yield
    finally:
        for restore in walk.restores:
            restore()


class _Walk:
    """Visits the objects in a model, those nearest to it first.

    Attributes:
        restores: functions that put back what the visited objects held.
    """

    def __init__(self) -> None:
        self.restores: list[_Restore] = []
        self._modules: set[str] = set()
        self._known: dict[int, Any] = {}  # with the objects, so that no id is used twice
        self._queue: deque[tuple[Any, bool]] = deque()

    def all(self, model: Any) -> None:
        self._add([model], is_own=True)
        while self._queue:
            self._visit(*self._queue.popleft())

    def _add(self, values: Any, *, is_own: bool) -> None:
        for one in values:
            is_new = not isinstance(one, _ATOMS) and id(one) not in self._known
            if is_new and len(self._known) < OBJECTS_MAX:
                self._known[id(one)] = one
                self._queue.append((one, is_own))

    def _visit(self, one: Any, is_own: bool) -> None:
        """Save an object, and go on to what it holds.

        Args:
            is_own: whether one's own code or object holds it, and not a library's.
        """
        if isinstance(one, FunctionType):
            self._function(one)
        elif isinstance(one, type):
            for base in filter(is_own_class, one.__mro__):
                self._class(base)
        elif isinstance(one, tuple(_HOLDERS)):
            names = next(names for kind, names in _HOLDERS.items() if isinstance(one, kind))
            self._add((getattr(one, name) for name in names), is_own=is_own)
        elif isinstance(one, ModuleType):
            pass
        else:
            self._value(one, is_own)

    def _value(self, one: Any, is_own: bool) -> None:
        is_of_own_class = is_own_class(type(one))
        if is_own or is_of_own_class:
            restore = _restore_of(one)
            self.restores += [] if restore is None else [restore]
        if isinstance(one, dict):
            self._add(list(one.values()), is_own=is_own)
        elif isinstance(one, (list, tuple, set, frozenset, deque)):
            self._add(list(one), is_own=is_own)
        attributes = getattr(one, "__dict__", None)
        if isinstance(attributes, dict):
            if type(one).__name__ == "FunctionTransformer":
                self._add([attributes.get("kw_args")], is_own=True)
            self._add([attributes], is_own=is_of_own_class)
        if is_of_own_class:
            self._add([type(one)], is_own=True)
            self._names(partial(_slots, one), partial(setattr, one), partial(delattr, one))

    def _class(self, kind: type) -> None:
        self._names(partial(_data, kind), partial(setattr, kind), partial(delattr, kind))
        self._add(list(vars(kind).values()), is_own=True)

    def _function(self, function: FunctionType) -> None:
        is_own = is_own_code(function.__code__)
        for cell in function.__closure__ or ():
            if is_own:
                self._names(partial(_content, cell), partial(setattr, cell), partial(delattr, cell))
            self._add(_content(cell).values(), is_own=is_own)
        self._add([vars(function)], is_own=is_own)
        if is_own:
            self._add(function.__defaults__ or (), is_own=True)
            self._add((function.__kwdefaults__ or {}).values(), is_own=True)
            self._globals(function.__globals__, _names_in(function.__code__))

    def _globals(self, variables: dict[str, Any], names: frozenset[str]) -> None:
        """Those that code names, and those of its own modules that it may name."""

        def named() -> dict[str, Any]:
            return {name: variables[name] for name in names if name in variables}

        self._names(named, variables.__setitem__, variables.__delitem__)
        for value in named().values():
            if isinstance(value, ModuleType) and is_own_module(value.__name__):
                if value.__name__ not in self._modules:
                    self._modules.add(value.__name__)
                    self._globals(vars(value), names)
            else:
                self._add([value], is_own=True)

    def _names(
        self,
        read: Callable[[], Mapping[str, Any]],
        write: Callable[[str, Any], object],
        remove: Callable[[str], object],
    ) -> None:
        """Save what names stand for, and that there are no others."""
        saved = read()

        def restore() -> None:
            now = read()
            for name in {*saved, *now}:
                if name not in saved:
                    remove(name)
                elif now.get(name, _MISSING) is not saved[name]:
                    write(name, saved[name])

        self.restores.append(restore)


def _slots(one: Any) -> Mapping[str, Any]:
    kinds = type(one).__mro__
    slots = [vars(kind).get("__slots__", ()) for kind in kinds]
    names = [name for some in slots for name in ([some] if isinstance(some, str) else some)]
    found = {name: getattr(one, name, _MISSING) for name in names if not name.startswith("__")}
    return {name: value for name, value in found.items() if value is not _MISSING}


def _data(kind: type) -> Mapping[str, Any]:
    return {n: v for n, v in vars(kind).items() if not n.startswith(("__", "_abc_"))}


def _content(cell: CellType) -> Mapping[str, Any]:
    try:
        return {"cell_contents": cell.cell_contents}
    except ValueError:  # it is empty
        return {}


def _names_in(code: CodeType) -> frozenset[str]:
    """The names that code and the functions in it use."""
    inner = [_names_in(one) for one in code.co_consts if isinstance(one, CodeType)]
    return frozenset(code.co_names).union(*inner)


def _restore_of(one: Any) -> _Restore | None:
    """A function that puts back what a container, an array or a source of random numbers held."""
    if isinstance(one, dict):
        return _of_dict(one)
    if isinstance(one, (list, set, deque)):
        return _of_elements(one)
    if isinstance(one, np.ndarray) and one.nbytes <= ARRAY_MAX and one.flags.writeable:
        return _of_array(one)
    if isinstance(one, np.random.Generator):
        generator, state = one.bit_generator, deepcopy(one.bit_generator.state)
        return lambda: setattr(generator, "state", state)
    if isinstance(one, np.random.RandomState):
        return partial(one.set_state, one.get_state())
    if type(one).__module__.partition(".")[0] == "pandas" and hasattr(one, "equals"):
        return _of_pandas(one)
    return None


def _of_dict(one: dict[Any, Any]) -> _Restore:
    kind = OrderedDict if isinstance(one, OrderedDict) else dict
    saved = list(kind.items(one))

    def restore() -> None:
        now = list(kind.items(one))
        is_same = [(id(k), id(v)) for k, v in now] == [(id(k), id(v)) for k, v in saved]
        if not is_same:
            kind.clear(one)
            kind.update(one, saved)

    return restore


def _of_elements(one: list[Any] | set[Any] | deque[Any]) -> _Restore:
    saved = list(one)

    def restore() -> None:
        if [*map(id, one)] != [*map(id, saved)]:
            one.clear()
            (one.update if isinstance(one, set) else one.extend)(saved)

    return restore


def _of_array(one: Any) -> _Restore:
    saved = one.copy()

    def restore() -> None:
        one[...] = saved

    return restore


def _of_pandas(one: Any) -> _Restore:
    saved = one.copy()

    def restore() -> None:
        if not one.equals(saved):
            vars(one).clear()
            vars(one).update(vars(saved))

    return restore
