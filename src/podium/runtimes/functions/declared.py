"""Whether a module declares a model, determined from its source: importing it would run it."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

# A package may re-export what one of its modules declares, rarely through more modules than these.
_HANDED_ON_MAX = 5


def spec_of(name: str, folder: Path) -> ModuleSpec | None:
    """The module's import spec; neither it nor its parent packages are imported."""
    spec: ModuleSpec | None = None
    outer = ""
    for part in name.split("."):
        inside = None if spec is None else spec.submodule_search_locations
        if outer and inside is None:
            return None
        outer = f"{outer}.{part}".lstrip(".")
        spec = PathFinder.find_spec(outer, [str(folder)]) if inside is None else None
        finders = (finder.find_spec(outer, inside) for finder in sys.meta_path)
        spec = spec or next((candidate for candidate in finders if candidate is not None), None)
        if spec is None:
            return None
    return spec


def _source_of(spec: ModuleSpec) -> str | None:
    """The source of a module; None if it has none, or one that can't be read."""
    get_source = getattr(spec.loader, "get_source", None)
    try:
        source: str | None = get_source(spec.name) if get_source is not None else None
    except (ImportError, OSError, SyntaxError, UnicodeError):
        return None
    return source


def declares(spec: ModuleSpec, variable: str, folder: Path, handed_on: int = 0) -> bool:
    """Whether `@podium.model` decorates this function, here or where it is imported from."""
    source = _source_of(spec)
    if source is None or handed_on > _HANDED_ON_MAX:
        return False
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return False
    if _imports_podium(tree) and any(_assigns_model(node, variable) for node in ast.walk(tree)):
        return True
    for name, original in _origins(tree, spec, variable):
        other = spec_of(name, folder)
        if other is not None and declares(other, original, folder, handed_on + 1):
            return True
    return False


def _imports_podium(tree: ast.Module) -> bool:
    names = [
        name
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    ]
    return any(name.partition(".")[0] == "podium" for name in names)


def _assigns_model(node: ast.AST, variable: str) -> bool:
    """Whether a statement assigns a model to the variable."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return node.name == variable and any(map(_is_model, node.decorator_list))
    if isinstance(node, ast.Assign):
        targets: list[ast.expr] = node.targets
    elif isinstance(node, ast.AnnAssign):
        targets = [node.target]
    else:
        return False
    is_named = any(isinstance(one, ast.Name) and one.id == variable for one in targets)
    return is_named and node.value is not None and _is_model(node.value)


def _is_model(expression: ast.expr) -> bool:
    """Whether this is `model`, `podium.model`, or a call of either."""
    while isinstance(expression, ast.Call):
        expression = expression.func
    if isinstance(expression, ast.Attribute):
        return expression.attr == "model"
    return isinstance(expression, ast.Name) and expression.id == "model"


def _origins(tree: ast.Module, spec: ModuleSpec, variable: str) -> Iterator[tuple[str, str]]:
    """The modules from which the name may be imported, and its name there."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom):
            continue
        package = spec.name if spec.submodule_search_locations is not None else spec.parent or ""
        around = package.split(".")[: len(package.split(".")) - node.level + 1]
        name = ".".join([*(around if node.level else []), *([node.module] if node.module else [])])
        for alias in node.names:
            if alias.name == "*":
                yield name, variable
            elif (alias.asname or alias.name) == variable:
                yield name, alias.name
