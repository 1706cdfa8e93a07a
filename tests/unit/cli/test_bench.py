"""`podium bench`: figures of real servers, and what it says where it can't measure."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from podium.cli.main import run
from podium.testing import ServerProcess

BUNDLE = Path(__file__).parents[2] / "formats" / "logistic-1.podium"
SHORT = ("--rounds", "1", "--seconds", "0.2")
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Figures of two servers, and the folder where they were measured."""
    folder = tmp_path_factory.mktemp("measured")
    (folder / "podium.toml").write_text('title = "not this one"\nrows_max = 1\n')
    file, place = folder / "figures.json", Path.cwd()
    with pytest.MonkeyPatch.context() as patch, file.open("w") as out:
        patch.chdir(folder)
        patch.setenv("PODIUM_RECORDS", "false")
        patch.setattr(sys, "stdout", out)
        ways = ("--connections", "2", "--rows", "1,10", "--workers", "1,2")
        code = run(["bench", str(BUNDLE), "--json", *ways, *SHORT])
    assert code == 0
    assert Path.cwd() == place
    return file, folder


@pytest.fixture(scope="module")
def figures(measured: tuple[Path, Path]) -> dict[str, Any]:
    return json.loads(measured[0].read_bytes())


@pytest.mark.slow
def test_each_way_to_ask_has_its_figures(figures: dict[str, Any]) -> None:
    cases = {(one["n_workers"], one["n_connections"], one["n_rows"]) for one in figures["cases"]}

    assert cases == {(w, 2, r) for w in (1, 2) for r in (1, 10)}
    for one in figures["cases"]:
        assert one["failed"] == 0, one
        assert one["rows_per_s"] == pytest.approx(one["requests_per_s"] * one["n_rows"])
        assert 0 < one["p50_ms"] <= one["p99_ms"]
    assert [one["n_workers"] for one in figures["servers"]] == [1, 2]
    assert figures["sizes"]["sqlite"] > 0


@pytest.mark.skipif(
    sys.platform != "linux", reason="processes and their sockets are found in /proc"
)
@pytest.mark.slow
def test_what_the_server_used_is_measured(figures: dict[str, Any]) -> None:
    assert all(one["cpu_us_per_row"] > 0 for one in figures["cases"])
    assert all(5 < one["worker_mb"] < 2_000 for one in figures["servers"])
    assert all(one["shipper_mb"] > 0 for one in figures["servers"])  # so records were on
    assert 0 <= figures["others"] <= os.cpu_count()


@pytest.mark.slow
def test_neither_settings_nor_records_of_the_user_are_touched(measured: tuple[Path, Path]) -> None:
    file, folder = measured

    assert {one.name for one in folder.iterdir()} == {file.name, "podium.toml"}
    left = [one for one in Path(tempfile.gettempdir()).glob("podium-bench-*") if one.exists()]
    assert [one for one in left if one.stat().st_mtime > file.stat().st_mtime] == []


@pytest.mark.slow
def test_a_plan_is_made_from_figures(podium_run: Command, measured: tuple[Path, Path]) -> None:
    code, out, _ = podium_run(
        "bench", "--from", measured[0], "--plan", "50/s", "--within", "60000", "--rows", "1"
    )

    assert code == 0
    assert "50 rows a second need" in out
    assert "GB a month in SQLite" in out
    workers = next(line for line in out.splitlines() if line.startswith("workers"))
    assert int(workers.split()[1]) >= 1


@pytest.mark.slow
def test_a_running_server_is_measured_too(podium_run: Command, tmp_path: Path) -> None:
    with ServerProcess(str(BUNDLE), home=tmp_path) as server:
        code, out, _ = podium_run(
            "bench", "logistic-1", "--url", server.address, "--rows=1", *SHORT
        )
        missing, _, said = podium_run("bench", "nobody", "--url", server.address, *SHORT)

    assert code == 0
    assert "connections" in out
    assert "MB a worker" not in out  # nobody knows which processes it has
    assert missing == 1
    assert "no model is called 'nobody'" in said


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), 2, "give either a MODEL to measure, or --from"),
        (("no.podium",), 1, "no.podium can't be read"),
        (("churn",), 1, "give a bundle, such as churn.podium"),
        ((BUNDLE, "--connections", "0"), 2, "has to be from 1 to 1,000"),
        ((BUNDLE, "--rows", "1,x"), 2, "has to be numbers"),
        ((BUNDLE, "--plan", "much"), 1, "write 2000/s"),
        ((BUNDLE, "--url", "localhost:8000"), 2, "like http://127.0.0.1:8000"),
        ((BUNDLE, "--from", "figures.json"), 2, "give either"),
        (("--from", BUNDLE, "--plan", "5/s"), 1, "isn't what podium bench --json printed"),
        ((BUNDLE, "--file", BUNDLE), 1, "has no rows"),
    ],
)
def test_what_cannot_be_measured_is_said_at_once(
    podium_run: Command, arguments: tuple[object, ...], code: int, said: str
) -> None:
    found, _, err = podium_run("bench", *arguments)

    assert found == code
    assert said in " ".join(err.split())


def test_rows_that_the_model_refuses_are_named(podium_run: Command, tmp_path: Path) -> None:
    rows = tmp_path / "rows.json"
    rows.write_text('[{"nothing": 1}]')

    code, _, err = podium_run("bench", BUNDLE, "--file", rows, *SHORT)

    assert code == 1
    assert "answers 422" in err
    assert "nothing" in err
    assert "--file rows.json" in err
