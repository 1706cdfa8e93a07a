"""`podium feedback`: true outcomes of a file, beside a server that runs."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import podium
from podium.testing import ServerProcess

pytestmark = pytest.mark.slow

Command = Callable[..., tuple[int, str, str]]

BUNDLE = Path(__file__).parents[2] / "formats" / "logistic-1.podium"
OTHER = BUNDLE.with_name("forest-1.podium")
ONE = podium.load(BUNDLE)
ROW = ONE.signature.examples[0]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    home = tmp_path_factory.mktemp("feedback") / "home"
    with ServerProcess(str(BUNDLE), home=home) as server:
        yield server.address, home


@pytest.fixture
def give(podium_run: Command) -> Command:
    """Runs `podium feedback` beside the server."""
    return lambda home, *arguments, text="": podium_run(
        "feedback", *arguments, "--home", home, given=text
    )


def predict(address: str, n_rows: int) -> list[str]:
    url = f"{address}/api/models/{ONE.name}/predict"
    ids: list[str] = httpx.post(url, json=[ROW] * n_rows).json()["ids"]
    return ids


def feedback_of(address: str) -> dict[str, tuple[str, str]]:
    text = httpx.get(f"{address}/models/{ONE.name}/records.csv").content.decode("utf-8-sig")
    rows: list[dict[str, Any]] = list(csv.DictReader(io.StringIO(text)))
    return {row["id"]: (row["feedback"], row["feedback.note"]) for row in rows}


def test_a_server_takes_truth_over_http(server: tuple[str, Path]) -> None:
    address, _ = server
    first, second = predict(address, 2)

    one = httpx.put(f"{address}/api/records/{first}/feedback", json={"truth": "Gentoo"})
    many = httpx.post(
        f"{address}/api/models/{ONE.name}/feedback",
        content=f"id,truth,note\n{second},Chinstrap,seen\n{second},Dodo,\n",
        headers={"content-type": "text/csv"},
    )

    assert (one.status_code, one.json()["truth"]) == (200, "Gentoo")
    assert (many.json()["added"], many.json()["refused"]) == (1, 1)
    given = feedback_of(address)
    assert (given[first], given[second]) == (("Gentoo", ""), ("Chinstrap", "seen"))


def test_a_file_is_added_and_what_was_not_is_listed(
    server: tuple[str, Path], give: Command, tmp_path: Path
) -> None:
    address, home = server
    first, second = predict(address, 2)
    file = tmp_path / "truth.csv"
    lines = [f"{first},Gentoo,by mail", f"{second},Dodo,", f"{'0' * 32},Gentoo,"]
    file.write_text("\n".join(["id,truth,note", *lines]))

    done = give(home, str(file), "--model", str(BUNDLE))

    assert done[:2] == (3, "1 added, 1 unknown, 1 refused\n")
    assert f"row 2, {second}: " in done[2]
    assert "Chinstrap" in done[2]  # what is accepted
    assert f"row 3, {'0' * 32}: the model has no such record" in done[2]
    given = feedback_of(address)
    assert (given[first], given[second]) == (("Gentoo", "by mail"), ("", ""))


def test_a_file_may_name_records_by_their_key(server: tuple[str, Path], give: Command) -> None:
    address, home = server
    url = f"{address}/api/models/{ONE.name}/predict"
    ids = httpx.post(url, json=[ROW] * 2, headers={"podium-key": "order 7"}).json()["ids"]

    done = give(
        home, "-", "--model", str(BUNDLE), text="key,truth\norder 7,Gentoo\norder 8,Gentoo\n"
    )

    assert done[:2] == (3, "1 added to 2 records, 1 unknown, 0 refused\n")
    assert "row 2, order 8: the model has no such record" in done[2]
    assert [feedback_of(address)[one] for one in ids] == [("Gentoo", "")] * 2


def test_all_added_is_exit_code_0(server: tuple[str, Path], give: Command) -> None:
    address, home = server
    (first,) = predict(address, 1)

    done = give(home, "-", "--model", str(BUNDLE), text=f"truth;id\nAdelie;{first}\n")

    assert done[:2] == (0, "1 added, 0 unknown, 0 refused\n")
    assert feedback_of(address)[first] == ("Adelie", "")


@pytest.mark.parametrize(
    ("arguments", "text", "code", "message"),
    [
        (("-", "--model", "nothing"), "id,truth\n", 1, "no model is called 'nothing'"),
        (("-",), "id,truth\n", 1, "it isn't known which"),
        (("truth.txt", "--model", str(BUNDLE)), "", 1, "isn't a table"),
        (("gone.csv", "--model", str(BUNDLE)), "", 1, "can't be read"),
        (("-", "--model", str(BUNDLE)), "id,label\n1,2\n", 3, "truth"),
        (("-", "--model", str(BUNDLE)), "", 3, "empty"),
    ],
)
def test_what_cannot_be_read_adds_nothing(
    server: tuple[str, Path],
    give: Command,
    arguments: tuple[str, ...],
    text: str,
    code: int,
    message: str,
) -> None:
    _, home = server

    done = give(home, *arguments, text=text)

    assert done[:2] == (code, "")
    assert message in done[2]


def test_records_of_another_model_are_unknown(server: tuple[str, Path], give: Command) -> None:
    address, home = server
    (first,) = predict(address, 1)

    done = give(home, "-", "--model", str(OTHER), text=f"id,truth\n{first},Adelie\n")

    assert done[0] == 3
    assert feedback_of(address)[first] == ("", "")


def test_without_a_servers_home_there_is_nothing_to_add_to(give: Command, tmp_path: Path) -> None:
    done = give(tmp_path / "none", "-", "--model", str(BUNDLE), text="id,truth\n1,Adelie\n")

    assert done[0] == 1
    assert "--home" in done[2]
    assert not (tmp_path / "none").exists()
