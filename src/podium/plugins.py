"""Optional parts, found by name and loaded when they are needed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from importlib import import_module
from operator import attrgetter
from typing import Any

from podium.distribution import install_command
from podium.errors import MissingExtra, SetupError


@contextmanager
def needs(extra: str) -> Iterator[None]:
    """Turn a module that is missing inside this block into an error naming the extra to install.

    Raises:
        MissingExtra: an import inside the block failed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingExtra(
            f"{error.name} isn't installed; it comes with the extra {extra!r}",
            hint=install_command(extra),
        ) from error


def load(group: str, name: str, built_in: Mapping[str, tuple[str, str]] = {}) -> Any:
    """Load an object by name: one of ours, or one in the packages' entry-point group.

    Args:
        group: without the prefix, `stores` for `podium.stores`.
        name: as users write it.
        built_in: ours by name: the extra that each needs, if any, and `module:attribute`.

    Raises:
        MissingExtra: it is ours, and its extra isn't installed.
        SetupError: no package registers the name, or two do.
    """
    if name in built_in:
        extra, place = built_in[name]
        module, _, attribute = place.partition(":")
        with needs(extra) if extra else nullcontext():
            return attrgetter(attribute)(import_module(module))
    from importlib.metadata import entry_points  # 10 ms that most starts don't need

    found = entry_points(group=f"podium.{group}")
    named = [point for point in found if point.name == name]
    if not named:
        known = ", ".join(sorted({*built_in, *(point.name for point in found)})) or "none"
        raise SetupError(f"no plug-in of podium.{group} is called {name!r}", hint=f"known: {known}")
    if len(named) > 1:
        claims = " and ".join(point.value for point in named)
        raise SetupError(
            f"two packages claim {name!r} in podium.{group}: {claims}", hint="uninstall one of them"
        )
    return named[0].load()
