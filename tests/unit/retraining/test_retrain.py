"""Retraining in a process with limits: whatever a recipe does, the home stays whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from podium.deployments.registry import Registry
from podium.errors import NotFound, PodiumError, SetupError
from podium.retraining.orders import Recipe
from podium.retraining.retrain import Retrained, retrain
from podium.settings import Settings

from .conftest import GOOD

pytestmark = pytest.mark.slow  # each starts a process that imports scikit-learn


def run(
    home: Path,
    code: str = GOOD,
    *,
    on_output: Callable[[bytes], object] = lambda _: None,
    stop: threading.Event | None = None,
    **options: Any,
) -> Retrained:
    """Retrain with a recipe of this code."""
    Path("recipe.py").write_text(code)
    recipe = Recipe(model="price", recipe="recipe.py:train", **options)
    return retrain(recipe, Settings(home=str(home)), actor="ada", on_output=on_output, stop=stop)


def assert_unchanged(home: Path, *reasons: str) -> None:
    """Nothing is half registered, nothing is left over, and the failure is in the log."""
    registry = Registry(home)
    assert [one.name for one in registry.versions("price")] == ["1"]
    assert set(registry.aliases("price")) == {"champion"}
    assert len(list((home / "versions").glob("*.podium"))) == 1
    assert list((home / "retraining").glob("run-*")) == []
    event = registry.events("price")[0]
    assert (event.action, event.actor) == ("retrain_failed", "ada")
    assert all(reason in event.note for reason in reasons)


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z"


def wait_for(condition: Callable[[], object]) -> None:
    until_s = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until_s
        time.sleep(0.05)


def test_a_recipe_makes_the_challenger_and_never_the_champion(home: Path) -> None:
    first = run(home, version="2")

    registry = Registry(home)
    versions = {one.name: one.digest for one in registry.versions("price")}
    events = registry.events("price")
    assert (first.is_challenger, first.reason) == (True, "")
    assert registry.aliases("price") == {"champion": versions["1"], "challenger": versions["2"]}
    assert [one.action for one in events[:3]] == ["retrained", "challenged", "registered"]
    assert events[0].after == first.digest == versions["2"]
    assert "on 40 truths" in events[0].note

    registry.set_traffic("price", first.digest, share=0.1)
    second = run(home, version="3")

    assert (second.is_challenger, second.reason) == (False, "another version is being tried")
    assert registry.aliases("price")["challenger"] == first.digest


def test_a_result_that_refuses_what_the_champion_accepts_is_registered_only(home: Path) -> None:
    code = GOOD.replace("rows.iloc[:, :-1]", 'rows[["size"]]')

    done = run(home, code)

    assert not done.is_challenger
    assert "has no field 'rooms'" in done.reason
    assert set(Registry(home).aliases("price")) == {"champion"}
    assert len(Registry(home).versions("price")) == 2


def test_a_recipe_that_ends_its_process_is_told(home: Path) -> None:
    with pytest.raises(SetupError, match=r"recipe\.py:train ended its process with exit code 7"):
        run(home, "import os\ndef train(rows):\n    os._exit(7)")

    assert_unchanged(home, "exit code 7")


def test_a_recipe_that_hangs_is_ended_with_what_it_started(home: Path) -> None:
    code = """
import pathlib, subprocess, time

pathlib.Path("child.pid").write_text(str(subprocess.Popen(["sleep", "600"]).pid))
time.sleep(600)
"""
    with pytest.raises(SetupError, match="took longer than 8 s"):
        run(home, code, timeout_s=8)

    assert_unchanged(home, "took longer")
    wait_for(lambda: is_gone(int(Path("child.pid").read_text())))


def test_a_recipe_can_be_stopped(home: Path) -> None:
    stop = threading.Event()
    code = "import time\nprint('here', flush=True)\ntime.sleep(600)"

    with pytest.raises(SetupError, match="was stopped"):
        run(home, code, stop=stop, on_output=lambda _: stop.set())

    assert [one.name for one in Registry(home).versions("price")] == ["1"]
    assert [one.action for one in Registry(home).events("price")] == ["deployed", "registered"]


def test_a_gigabyte_of_output_is_cut_and_a_second_retraining_waits(home: Path) -> None:
    code = f"""
import os
os.write(1, b"it begins")
for _ in range(1_000):
    os.write(1, b"x" * 10**6)
{GOOD}"""
    printed: list[bytes] = []
    refused: list[str] = []

    def on_output(piece: bytes) -> None:
        if not printed:
            try:
                retrain(Recipe(model="price", recipe="recipe.py:train"), Settings(home=str(home)))
            except PodiumError as error:
                refused.append(error.message)
        printed.append(piece)

    run(home, code, on_output=on_output)

    assert b"".join(printed).startswith(b"it begins")
    assert len(b"".join(printed)) == 2**20
    assert refused == ["another retraining runs"]
    assert "retrain_failed" not in [one.action for one in Registry(home).events("price")]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems don't count allocations so")
def test_a_recipe_that_takes_too_much_memory_is_told(home: Path) -> None:
    with pytest.raises(SetupError, match=r"more memory than the 2,000 MB"):
        run(home, "def train(rows):\n    return bytearray(3 * 2**30)", memory_mb=2_000)

    assert_unchanged(home, "more memory")


def test_a_model_without_a_champion_is_told(home: Path, tmp_path: Path) -> None:
    for model, folder in (("other", home), ("price", tmp_path / "none")):
        with pytest.raises(NotFound):
            retrain(Recipe(model=model, recipe="a.py:b"), Settings(home=str(folder)))


def test_killed_in_the_middle_nothing_is_half_registered(home: Path) -> None:
    hanging = "import os, pathlib, time\npathlib.Path('pid').write_text(f'{os.getpid()} ')\n"
    Path("recipe.py").write_text(f"{hanging}time.sleep(600)")
    command = [sys.executable, "-m", "podium", "retrain", "price", "--home", str(home)]
    command += ["--version", "2", "--note", "monthly", "--recipe", "recipe.py:train"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    wait_for(lambda: Path("pid").exists() and Path("pid").read_text().endswith(" "))

    os.kill(process.pid, signal.SIGKILL)
    process.wait()

    wait_for(lambda: is_gone(int(Path("pid").read_text())))
    assert [one.name for one in Registry(home).versions("price")] == ["1"]

    # The next one starts over; what the recipe prints stays apart from the result.
    Path("recipe.py").write_text(GOOD.replace("    return", "    print('fitting')\n    return"))
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert done.stderr == "fitting\n"
    assert done.stdout.startswith("price 2 (")
    assert "It is the challenger now" in done.stdout
    assert Registry(home).events("price")[0].note.startswith("monthly: by recipe.py:train")
    assert list((home / "retraining").glob("run-*")) == []
