"""What `import podium` offers, and what it costs."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import podium

INIT = Path(podium.__file__)
MODULES_MAX = 60  # 30 today, one of them ours; `make bench` has the milliseconds

# Only a user's own model may bring these in.
OF_MODELS = {"sklearn", "skops", "joblib", "scipy", "pandas", "polars", "pyarrow", "onnxruntime"}
# Only who scores rows in one of them.
ENGINES = {"ray", "pyspark", "dask", "polars", "duckdb"}


def offered_to_type_checkers() -> set[str]:
    """Names under `if TYPE_CHECKING:`: what editors and mypy believe to be there."""
    blocks = [
        node
        for node in ast.parse(INIT.read_text("utf-8")).body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    imports = [node for block in blocks for node in block.body if isinstance(node, ast.ImportFrom)]
    return {alias.asname or alias.name for node in imports for alias in node.names}


def run_fresh(code: str) -> Any:
    """What a fresh Python prints as JSON after running `code`."""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return json.loads(result.stdout)


def test_all_is_sorted_and_without_repeats() -> None:
    assert podium.__all__ == sorted(set(podium.__all__))


def test_every_public_name_is_there_and_dir_shows_it() -> None:
    missing = [name for name in podium.__all__ if not hasattr(podium, name)]

    assert missing == []
    assert set(podium.__all__) <= set(dir(podium))


def test_type_checkers_see_exactly_the_public_names() -> None:
    assert offered_to_type_checkers() == set(podium.__all__)


def test_a_star_import_brings_exactly_the_public_names() -> None:
    code = "import json; from podium import *; print(json.dumps(sorted(set(dir()) - {'json'})))"

    names = run_fresh(code)

    assert [name for name in names if not name.startswith("__")] == podium.__all__


def test_every_public_name_is_documented() -> None:
    undocumented = [name for name in podium.__all__ if not getattr(podium, name).__doc__]

    assert undocumented == []


def test_importing_podium_loads_no_library() -> None:
    code = "import sys, json; import podium; print(json.dumps(sorted(sys.modules)))"

    loaded = {name.partition(".")[0] for name in run_fresh(code)}

    # What an editable install or coverage may load at start isn't ours.
    at_start = {name.partition(".")[0] for name in run_fresh(code.replace("import podium; ", ""))}
    assert loaded - at_start - set(sys.stdlib_module_names) == {"podium"}


def test_a_server_starts_without_what_packs_and_prints_tables() -> None:
    code = "import sys, json; import podium.cli.serve; print(json.dumps(sorted(sys.modules)))"

    loaded = set(run_fresh(code))

    assert "podium.hosts.server.serving" in loaded
    assert loaded & {"rich", "podium.packing.pack", "podium.retraining.training"} == set()


def test_importing_podium_loads_few_modules() -> None:
    code = "import sys; before = len(sys.modules); import podium; print(len(sys.modules) - before)"

    assert run_fresh(code) < MODULES_MAX


# They belong to a framework or a driver, and are loaded by whoever has it.
OF_FRAMEWORKS = (
    "podium.accounts",
    "podium.hosts.django",
    "podium.hosts.flask",
    "podium.records.stores.sql",
)


def core_modules() -> list[str]:
    """Every module of the package but those."""
    package = Path(podium.__file__).parent
    names = [
        ".".join(("podium", *path.relative_to(package).with_suffix("").parts))
        for path in sorted(package.rglob("*.py"))
    ]
    return [
        name.removesuffix(".__init__")
        for name in names
        if not name.endswith("__main__") and not name.startswith(OF_FRAMEWORKS)
    ]


@pytest.fixture(scope="module")
def imported() -> dict[str, Any]:
    """What is loaded, and whether nothing was set up, after each of these was imported."""
    code = (
        "import importlib, json, logging, sys\n"
        "before = [sys.excepthook, list(logging.root.handlers)]\n"
        f"for name in {core_modules()!r}:\n"
        "    importlib.import_module(name)\n"
        "after = [sys.excepthook, list(logging.root.handlers)]\n"
        "print(json.dumps({'same': before == after, 'modules': sorted(sys.modules)}))"
    )
    return run_fresh(code)


def test_no_module_brings_in_a_library_that_only_a_users_model_needs(
    imported: dict[str, Any],
) -> None:
    loaded = {name.partition(".")[0] for name in imported["modules"]}

    assert loaded & OF_MODELS == set()
    assert loaded & ENGINES == set()


def test_importing_every_module_sets_nothing_up(imported: dict[str, Any]) -> None:
    assert imported["same"] is True


@pytest.mark.slow
def test_a_server_of_a_compiled_model_loads_no_engine(tmp_path: Path) -> None:
    formats = Path(__file__).parents[1] / "formats"
    row = json.loads((formats / "logistic-1.json").read_text("utf-8"))["rows"][0]
    code = (
        "import asyncio, json, sys\n"
        "import podium\n"
        f"app = podium.App({str(formats / 'logistic-1.podium')!r}, home={str(tmp_path)!r})\n"
        "async def predict():\n"
        "    import httpx\n"
        "    client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url='http://localhost')\n"
        "    async with client:\n"
        f"        return await client.post('/api/models/logistic-1/predict', json={row!r})\n"
        "status = asyncio.run(predict()).status_code\n"
        "app.close()\n"
        "print(json.dumps({'status': status, 'modules': sorted(sys.modules)}))"
    )

    served = run_fresh(code)

    assert served["status"] == 200
    assert {name.partition(".")[0] for name in served["modules"]} & (ENGINES | OF_MODELS) == set()
