"""The name of Podium's distribution, and how its extras are installed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:  # 10 ms that most starts don't need
    from importlib.metadata import Distribution

# `name` in pyproject.toml is the same, and its extras refer to each other by it; a test compares
# them.
NAME = "podium"
# As long as the name isn't ours in the public index, whoever registers it there could run code on
# machines where `pip install` takes it from there. Nothing passes it to pip until it is published.
IS_PUBLISHED = False

_OWN_EXTRAS = re.compile(rf"{NAME}\[([\w,-]+)\]")
_EXTRA = re.compile(r"""(?:^|\s+and\s+)extra\s*==\s*["']([\w-]+)["']$""")


def install_command(*extras: str, packages: Iterable[str] = ()) -> str:
    """The command that adds these extras to the installed Podium, wherever it came from.

    Args:
        packages: further distributions to install.

    A checkout or a wheel is given by its path. If neither exists any more, the requirements of the
    extras are listed instead: those libraries are published.
    """
    place = NAME if IS_PUBLISHED else _origin()
    wanted = [f"'{one}'" for one in requirements_of(extras)]
    if place and extras:
        option = "-e " if _is_editable() and not IS_PUBLISHED else ""
        wanted = [f"{option}'{place}[{','.join(extras)}]'"]
    return " ".join(["pip install", *wanted, *packages])


def version() -> str:
    """The version of the Podium that is installed."""
    from importlib.metadata import version as version_of

    return version_of(NAME)


def update_hint() -> str:
    """What to do if a newer Podium is needed."""
    if IS_PUBLISHED:
        return f"update Podium: pip install --upgrade {NAME}"
    return "a newer Podium wrote it: install that one here too"


def requirements_of(extras: tuple[str, ...]) -> list[str]:
    """The requirements of these extras, one each, without Podium itself."""
    waiting, seen, found = list(extras), set[str](), list[str]()
    ours = _installed()
    lines = [line.partition(";") for line in (ours.requires if ours else None) or ()]
    while waiting:
        extra = waiting.pop(0)
        if extra in seen:
            continue
        seen.add(extra)
        for requirement, _, marker in lines:
            named = _EXTRA.search(marker.strip())
            if named is None or named[1] != extra:
                continue
            if own := _OWN_EXTRAS.fullmatch(requirement.strip()):
                waiting += own[1].split(",")
            else:
                rest = marker.strip()[: named.start()].strip("() ")
                found.append(requirement.strip() + (f"; {rest}" if rest else ""))
    return sorted(set(found))


def _origin() -> str:
    """The folder or the wheel that Podium was installed from, or runs in; "" if it is gone."""
    url = urlsplit(str(_direct_url().get("url", "")))
    named = [Path(unquote(url.path))] if url.scheme == "file" else []
    checkout = Path(__file__).parents[2]
    if (checkout / "pyproject.toml").is_file():
        named.append(checkout)
    return next((str(one) for one in named if one.exists()), "")


def _is_editable() -> bool:
    return bool(_direct_url().get("dir_info", {}).get("editable"))


def _direct_url() -> dict[str, dict[str, bool]]:
    """Where pip got it from (PEP 610); nothing if it came from an index."""
    ours = _installed()
    found: dict[str, dict[str, bool]] = json.loads(
        (ours.read_text("direct_url.json") if ours else None) or "{}"
    )
    return found


def _installed() -> Distribution | None:
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        return distribution(NAME)
    except PackageNotFoundError:
        return None  # a copy of the source that wasn't installed
