"""`podium replay`: reports for people and programs, and how it ends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import apsw
import msgspec
import pytest

import podium
from podium.testing import Client

BUNDLE = Path(__file__).parents[2] / "formats" / "logistic-1.podium"
ONE = podium.load(BUNDLE)
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with three records of the version in BUNDLE."""
    app = podium.App(BUNDLE, home=str(tmp_path / "home"))
    rows = list(ONE.signature.examples)[:3]
    assert Client(app).post(f"/api/models/{ONE.name}/predict", rows).status == 200
    app.close()
    return tmp_path / "home"


def test_a_version_is_replayed_for_people_and_for_programs(home: Path, podium_run: Command) -> None:
    text = podium_run("replay", ONE.name, "--version", ONE.version, "--home", home)
    json = podium_run("replay", ONE.name, "--version", "champion", "--json", "--home", home)

    report = msgspec.json.decode(json[1])
    assert (text[0], json[0]) == (0, 0)
    assert "3 predicted, 0 refused" in text[1]
    assert "0 of 3 changed (0.0 %)" in text[1]
    assert "no ground truth is known" in text[1]
    assert (report["n_replayed"], report["digest"]) == (3, ONE.digest)
    assert report["changes"][0]["n_moved"] == 0


def test_refused_rows_end_it_with_3(home: Path, podium_run: Command) -> None:
    edit(home, "UPDATE record SET inputs = json_set(inputs, '$.unheard', 1) WHERE row_index = 1")

    code, out, _ = podium_run("replay", ONE.name, "--version", str(BUNDLE), "--home", home)

    assert code == 3
    assert "1 x unheard isn't a field of this model" in out


def test_verification_ends_with_5_where_a_byte_differs(home: Path, podium_run: Command) -> None:
    good = podium_run("replay", ONE.name, "--verify", "--home", home)
    edit(
        home,
        "UPDATE record SET outputs = json_set(outputs, '$.prediction', 'x\x1b[2J') WHERE row_index = 1",
    )
    bad = podium_run("replay", ONE.name, "--verify", "--home", home)

    assert (good[0], "3 identical, 0 different" in good[1]) == (0, True)
    assert (bad[0], "2 identical, 1 different" in bad[1]) == (5, True)
    assert "prediction differs" in bad[1]
    assert "\x1b" not in bad[1]


def test_verification_of_nothing_but_gone_versions_ends_with_5(
    home: Path, podium_run: Command
) -> None:
    (home / "versions" / f"{ONE.digest}.podium").unlink()

    code, out, _ = podium_run("replay", ONE.name, "--verify", "--home", home)

    assert code == 5
    assert f"3 not verified, of version {ONE.version}" in out


def test_what_it_can_not_do_it_says(home: Path, podium_run: Command, tmp_path: Path) -> None:
    neither = podium_run("replay", ONE.name, "--home", home)
    both = podium_run("replay", ONE.name, "--version", "1", "--verify", "--home", home)
    unknown = podium_run("replay", ONE.name, "--version", "nine", "--home", home)
    no_home = podium_run("replay", ONE.name, "--verify", "--home", tmp_path / "none")
    when = podium_run("replay", ONE.name, "--verify", "--since", "soon", "--home", home)

    assert [one[0] for one in (neither, both, unknown, no_home, when)] == [2, 2, 1, 1, 1]
    assert "either --version or --verify" in neither[2]
    assert f"known: {ONE.version}" in unknown[2]
    assert "there are no records in" in no_home[2]
    assert "neither a duration nor a time" in when[2]


def edit(home: Path, statement: str) -> None:
    connection = apsw.Connection(str(home / "podium.db"))
    connection.execute(statement)
    assert connection.changes() == 1
    connection.close()
