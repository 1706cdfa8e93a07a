"""The import path of a function."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from podium.errors import SetupError
from podium.runtimes.functions.modules import name_of_main


def import_path_of(function: Any) -> str:
    """The import path of a function made with `@podium.model`: `module:name`.

    Raises:
        SetupError: there is none: it is defined in a notebook, in a shell, or inside another
            function.
    """
    defining_module = sys.modules.get(str(function.__module__))
    main = sys.modules["__main__"]
    others = [module for name, module in sorted(sys.modules.items()) if "__main__" not in name]
    for module in (defining_module, main, *others):
        name = _name_in(module, function)
        if module is not None and name is not None:
            return f"{_importable(module, function)}:{name}"
    raise SetupError(
        f"{function.name} can't be imported: it isn't a name of a module",
        hint="define it at the top of a module, not inside a function or a class",
    )


def _name_in(module: ModuleType | None, function: Any) -> str | None:
    """The variable that holds the function, preferably the one with the function's own name."""
    variables = dict(getattr(module, "__dict__", {}))
    own_name: str = function.__name__
    if variables.get(own_name) is function:
        return own_name
    return next((name for name, value in variables.items() if value is function), None)


def _importable(module: ModuleType, function: Any) -> str:
    if module is not sys.modules["__main__"]:
        return module.__name__
    name = name_of_main()
    if name is not None:
        return name
    # Code that is piped into Python has a `__file__`, too: <stdin>.
    is_script = Path(getattr(module, "__file__", None) or "").is_file()
    where = "a script that can't be imported" if is_script else "a notebook or a shell"
    raise SetupError(
        f"{function.name} is defined in {where}, where a server can't find it",
        hint="put it into a file like my_model.py, and import it from there",
    )
