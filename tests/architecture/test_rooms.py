"""Where code may stand, what it may import, and how long it may get."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "podium"
MODULES = sorted(PACKAGE.rglob("*.py"))
LINES_MAX = 400

# A handler for every Exception belongs only where somebody else's code runs inside the `try`.
FOREIGN_CODE = {
    "app.py": "models load in a thread, which has nobody to raise to: the failure is kept",
    "bundle/data.py": "pandas, polars and pyarrow have no common base of errors",
    "bundle/model_part.py": "skops, pickle and a user's module run the user's own classes",
    "bundle/weights.py": "a user's class raises what it likes when it is made",
    "flow/batch.py": "whatever a model raises, each caller that waits for it must be told",
    "hosts/asgi.py": "answered as `web/routes.py` answers it",
    "hosts/django/remembered.py": "a database's driver raises what it likes: it is asked again",
    "hosts/server/lane.py": "answered as `web/routes.py` answers it",
    "runtimes/onnx.py": "ONNX Runtime's errors have no common base",
    "runtimes/onnx_networks.py": "a user's network and its exporter raise what they like",
    "runtimes/onnx_sklearn.py": "converters raise what they like: then there is no graph",
    "runtimes/python.py": "a user's function raises what it likes",
    "runtimes/sklearn.py": "a user's estimator raises what it likes",
    "web/routes.py": "the last resort: a caller gets an id, the log gets the rest",
}


def name_of(module: Path) -> str:
    return module.relative_to(PACKAGE).as_posix()


def tree_of(module: Path) -> ast.Module:
    return ast.parse(module.read_text("utf-8"), str(module))


def broad_handlers(tree: ast.Module) -> Iterator[ast.ExceptHandler]:
    """Handlers that catch every Exception; those that raise it again hide nothing."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler):
            caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            names = {one.id for one in caught if isinstance(one, ast.Name)}
            if isinstance(last := node.body[-1], ast.Raise) and last.exc is None:
                continue
            if None in caught or names & {"Exception", "BaseException"}:
                yield node


def test_rooms_import_one_way() -> None:
    command = "import sys; from importlinter.cli import lint_imports_command; "
    command += "sys.argv[1:] = ['--no-cache']; lint_imports_command()"

    result = subprocess.run(
        [sys.executable, "-c", command], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_every_module_says_in_its_first_line_what_is_in_it(module: Path) -> None:
    docstring = ast.get_docstring(tree_of(module)) or ""

    assert docstring.split("\n")[0].endswith((".", ":")), "no docstring of one sentence"


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_no_module_hides_a_second_noun(module: Path) -> None:
    n_lines = len(module.read_text("utf-8").splitlines())

    assert n_lines <= LINES_MAX


def test_nothing_is_called_after_what_it_is_not() -> None:
    nameless = {"utils", "util", "helpers", "helper", "common", "misc", "tools", "base"}

    assert [name_of(module) for module in MODULES if nameless & set(module.parts)] == []
    assert [name_of(module) for module in MODULES if module.stem.strip("_") in nameless] == []


def test_every_folder_of_code_is_a_package() -> None:
    folders = {module.parent for module in MODULES}

    assert [
        str(folder) for folder in sorted(folders) if not (folder / "__init__.py").exists()
    ] == []


def test_only_where_foreign_code_runs_is_every_exception_caught() -> None:
    catching = {name_of(module) for module in MODULES if any(broad_handlers(tree_of(module)))}

    assert catching - FOREIGN_CODE.keys() == set(), "catch what you expect, or list it with why"
    assert FOREIGN_CODE.keys() - catching == set(), "these no longer do: take them off the list"
