"""Names, advice and files of new projects."""

from __future__ import annotations

import re
import stat
from pathlib import Path, PurePosixPath

import pytest

from podium.errors import SetupError
from podium.projects import figures
from podium.projects.advice import advice_for
from podium.projects.choices import Choices, checked_name, name_from
from podium.projects.dataset import demo_dataset
from podium.projects.files import project_files, write_project

DOCS = Path(__file__).parents[3] / "docs"
BENCHMARKS = (DOCS / "benchmarks.md").read_text("utf-8")


def figures_of(row: str, table: str) -> list[str]:
    """The cells of a row in a table of the benchmarks' page."""
    part = BENCHMARKS.partition(f"<!-- begin {table} -->")[2].partition("<!-- end")[0]
    line = next(line for line in part.splitlines() if line.startswith(f"| {row} |"))
    return [cell.strip() for cell in line.strip("|").split("|")][1:]


@pytest.mark.parametrize(
    ("ours", "start", "serve"),
    [
        (figures.PODIUM, "Podium", "Podium, recording"),
        (
            figures.TUTORIAL,
            "Flask, gunicorn, joblib, scikit-learn, pandas",
            "Flask, gunicorn sync",
        ),
    ],
)
def test_the_figures_are_those_of_the_benchmarks_page(
    ours: figures.Figures, start: str, serve: str
) -> None:
    disk, _, ready, memory = figures_of(start, "start")
    # One row of the forest, with 64 connections.
    requests = figures_of(serve, "serve predictions")[5]

    assert f"{ours.disk_mb} MB" == disk
    assert f"{ours.start_s} s" == ready
    assert f"{ours.memory_mb} MB" == memory
    assert f"{ours.requests:,.0f}" == requests
    for heading in ("## Size and start", "## Servers"):
        section = BENCHMARKS.partition(f"{heading}\n")[2].partition("<!-- begin")[0]
        assert f"on {figures.MEASURED_ON} on {figures.MACHINE}" in section


@pytest.mark.parametrize(
    ("image", "ours", "smallest", "theirs"),
    [
        (
            figures.PLAIN,
            "Debian + Podium, the compiled model",
            "`podium image`: Podium, the compiled model",
            "Debian + Flask, gunicorn, scikit-learn, joblib, the model",
        ),
        (
            figures.WITH_ACCOUNTS,
            "Debian + Podium with accounts, the compiled model",
            "`podium image --accounts`",
            "Debian + Django, gunicorn, scikit-learn, joblib, the model",
        ),
    ],
)
def test_the_sizes_of_images_are_those_of_their_page(
    image: figures.Image, ours: str, smallest: str, theirs: str
) -> None:
    told = (image.ours_mb, image.smallest_mb, image.theirs_mb)
    page = (DOCS / "how-to" / "image.md").read_text("utf-8")

    for row, mb in zip((ours, smallest, theirs), told, strict=True):
        assert f"\n| {row} | {mb} MB |" in page


@pytest.mark.parametrize("name", ["churn", "churn-2", "a1", "a" * 32])
def test_a_name_that_everything_takes_is_taken(name: str) -> None:
    assert checked_name(name) == name


@pytest.mark.parametrize("name", ["", "a", "Churn", "2churn", "churn_model", "churn-", "a" * 33])
def test_a_name_that_something_refuses_is_refused_at_once(name: str) -> None:
    with pytest.raises(SetupError, match="can't be called"):
        checked_name(name)


@pytest.mark.parametrize(
    ("text", "name"),
    [("Customers 2024", "customers-2024"), ("7up", "up"), ("__", "model"), ("Ünïcode", "n-code")],
)
def test_a_name_is_found_in_any_text(text: str, name: str) -> None:
    assert checked_name(name_from(text)) == name


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        (Choices("model"), "Podium alone"),
        (Choices("model", has_people=True), "Podium with accounts"),
        (Choices("model", app="flask", has_people=True), "inside your Flask app"),
        (Choices("model", app="django"), "inside your Django project"),
    ],
)
def test_the_advice_is_about_the_choices_and_gives_figures(answers: Choices, said: str) -> None:
    advice = advice_for(answers)

    assert said in advice.short
    assert f"{figures.PODIUM.disk_mb} MB" in advice.why
    assert figures.MEASURED_ON in advice.why
    assert len(re.findall(r"[.] [A-Z]", advice.why)) <= 2, "more than three sentences"


def test_what_is_there_already_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    dataset = demo_dataset()

    with pytest.raises(SetupError, match=r"README\.md already") as told:
        write_project(tmp_path, project_files(Choices("model"), dataset, ()), dataset, ())

    assert "--folder" in told.value.hint
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]
    assert (tmp_path / "README.md").read_text() == "mine"


def test_a_file_in_place_of_a_folder_is_reported(tmp_path: Path) -> None:
    (tmp_path / "tests").write_text("mine")
    dataset = demo_dataset()

    with pytest.raises(SetupError, match="can't be written"):
        write_project(tmp_path, project_files(Choices("model"), dataset, ()), dataset, ())


def test_nobody_else_can_read_the_secret(tmp_path: Path) -> None:
    dataset, answers = demo_dataset(), Choices("model", database="postgresql")

    write_project(tmp_path, project_files(answers, dataset, ()), dataset, ())

    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600


@pytest.mark.slow
def test_each_secret_is_another_one() -> None:
    answers = Choices("model", app="django", database="mysql")
    files = [project_files(answers, demo_dataset(), ())[PurePosixPath(".env")] for _ in range(2)]

    lines = [line for text in files for line in text.splitlines()]
    secrets = [line.partition("=")[2] for line in lines if "KEY=" in line or "PASSWORD=" in line]

    assert len(secrets) == len(set(secrets)) == 4
