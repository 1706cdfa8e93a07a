"""Where code may stand, what it may import, and how long it may get."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "podium"
MODULES = sorted(PACKAGE.rglob("*.py"))
LINES_MAX = 400

# A handler for every Exception belongs only where somebody else's code runs inside the `try`.
FOREIGN_CODE = {
    "app.py": "models load in a thread, which has nobody to raise to: the failure is kept",
    "packing/columns.py": "a property of a model that isn't fitted raises what it likes",
    "packing/data.py": "pandas, polars and pyarrow have no common base of errors",
    "compile/own_code/exporter.py": "one's own code raises what it likes while it is recorded",
    "bundle/model_part.py": "pickle runs the user's own classes",
    "packing/folds.py": "copies of a model that somebody wrote, trained and asked",
    "packing/owner.py": "a model that refuses what its owner gives: then nothing is compared",
    "bundle/pickles.py": "unpickling runs the user's own classes",
    "packing/recast.py": "a model that is asked what it knows: then a file is taken as it is written",
    "bundle/runtimes.py": "another package's runtime raises what it likes when it is opened",
    "bundle/skops_audit.py": "hostile bytes raise what they like in zipfile, json and numpy",
    "bundle/skops_file.py": "skops runs the user's own classes when it writes",
    "packing/weights.py": "a user's class raises what it likes when it is made",
    "deployments/trial_process.py": "a model's library raises what it likes: it is reported",
    "deployments/versions.py": "a model's library raises what it likes: the version before goes on",
    "flow/batch.py": "whatever a model raises, each caller that waits for it must be told",
    "flow/cost.py": "a model that fails on its examples: its cost is unknown, and it is served",
    "flow/pool.py": "raised again where the work is waited for",
    "monitoring/counter.py": "outputs of models may be of any type: their values aren't counted",
    "flow/observer.py": "whatever an observer raises, a refused request is refused as it would be",
    "outbox/shipper.py": "another package's store raises what it likes: it is tried again",
    "flow/predict.py": "whatever an observer or a thread raises, those who asked get their answer",
    "accounts/mail.py": "an operator's mail back end raises what it likes: it is logged",
    "hosts/asgi.py": "answered as `web/routes.py` answers it",
    "hosts/django/remembered.py": "a database's driver raises what it likes: it is asked again",
    "hosts/grpc/calls.py": "the last resort: gRPC would send what an error says to the caller",
    "hosts/grpc/quick.py": "answered as `web/routes.py` answers it",
    "hosts/server/exchange.py": "an ASGI app raises what it likes: a client gets a 500, the log the rest",
    "hosts/server/websocket.py": "an ASGI app raises what it likes: the connection is aborted",
    "hosts/server/lane.py": "answered as `web/routes.py` answers it",
    "retraining/recipe.py": "a user's recipe raises what it likes: it is told in a line",
    "scoring/remote.py": "the package of an object store raises what it likes",
    "scoring/excel.py": "openpyxl raises what it likes on damaged workbooks",
    "runtimes/onnx.py": "ONNX Runtime's errors have no common base",
    "runtimes/onnx_networks.py": "a user's network and its exporter raise what they like",
    "bundle/graph.py": "ONNX Runtime on graphs of others: then the original answers",
    "compile/compiler.py": "estimators of every kind and version: then the original answers",
    "runtimes/onnx_sklearn.py": "converters raise what they like: then there is no graph",
    "runtimes/python.py": "a user's function raises what it likes",
    "runtimes/several.py": "a user's estimator raises what it likes",
    "runtimes/sklearn.py": "a user's estimator raises what it likes",
    "runtimes/thresholds.py": "a user's estimator raises what it likes",
    "runtimes/unsupervised.py": "a user's estimator raises what it likes",
    "web/bodies.py": "answers whatever `routes` would answer",
    "web/routes.py": "the last resort: a caller gets an id, the log gets the rest",
}

# Imports that close no circle, though they look like it.
SEEMING = {
    ("podium.program.kernel", "podium.program"): "the kernel in C beside it, without Python source",
    ("podium.program.blocks", "podium.program"): "the same of the products",
    (
        "podium.program.operations.neighbors.distances",
        "podium.program",
    ): "the same of the distances",
}


def name_of(module: Path) -> str:
    return module.relative_to(PACKAGE).as_posix()


@cache
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


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Imports inside functions, and those for types alone, count: who reads one must read all."""
    graph = grimp.build_graph("podium", cache_dir=None)
    for importer, imported in SEEMING:
        assert graph.direct_import_exists(importer=importer, imported=imported), "off the list"
        graph.remove_import(importer=importer, imported=imported)

    circles = set()
    for module in graph.modules:
        for imported in graph.find_modules_directly_imported_by(module):
            if back := graph.find_shortest_chain(importer=imported, imported=module):
                circles.add(tuple(sorted(back)))

    assert circles == set()


def test_every_module_says_in_its_first_line_what_is_in_it() -> None:
    first_lines = {
        name_of(module): (ast.get_docstring(tree_of(module)) or "").split("\n")[0]
        for module in MODULES
    }

    silent = [name for name, line in first_lines.items() if not line.endswith((".", ":"))]
    assert silent == [], "no docstring of one sentence"


def test_no_module_hides_a_second_noun() -> None:
    n_lines = {name_of(one): len(one.read_text("utf-8").splitlines()) for one in MODULES}

    assert {name: n for name, n in n_lines.items() if n > LINES_MAX} == {}


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


# Where a decoder can't be made beforehand: each plan has a hook of its own.
TYPED_WHEN_CALLED = {"program/plan.py"}


def decodes_by_type(tree: ast.Module) -> Iterator[int]:
    """The lines of calls such as `msgspec.json.decode(body, type=Order)`."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(attr="decode"), keywords=keywords):
                if any(one.arg == "type" for one in keywords):
                    yield node.lineno


def test_msgspec_decoders_are_built_at_import() -> None:
    """Two threads that decode a type for the first time at once end the process (msgspec 0.22)."""
    lines = {name_of(module): list(decodes_by_type(tree_of(module))) for module in MODULES}

    assert {name for name, found in lines.items() if found} == TYPED_WHEN_CALLED
