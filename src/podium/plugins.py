"""Optional parts, found by name and loaded when they are needed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

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
            f"{error.name} isn't installed", hint=f"pip install 'podium[{extra}]'"
        ) from error


def load(group: str, name: str) -> Any:
    """The plug-in that an installed package registers as `name` in the entry-point group.

    Args:
        group: without the prefix, `stores` for `podium.stores`.
        name: as users write it.

    Raises:
        SetupError: no package claims the name, or two do.
    """
    from importlib.metadata import entry_points  # 10 ms that most starts don't need

    found = entry_points(group=f"podium.{group}")
    named = [point for point in found if point.name == name]
    if not named:
        known = ", ".join(sorted({point.name for point in found})) or "none"
        raise SetupError(f"no plug-in of podium.{group} is called {name!r}", hint=f"known: {known}")
    if len(named) > 1:
        claims = " and ".join(point.value for point in named)
        raise SetupError(
            f"two packages claim {name!r} in podium.{group}: {claims}", hint="uninstall one of them"
        )
    return named[0].load()
