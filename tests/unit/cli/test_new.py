"""`podium new` on a terminal, and without one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from podium.cli.main import run
from podium.settings import read_settings


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def terminal(open_terminal: Callable[..., Any]) -> Any:
    return open_terminal("new")


@pytest.mark.slow
def test_a_user_answers_questions_and_gets_a_project(terminal: Any, tmp_path: Path) -> None:
    terminal.answer("the project's name?", "birds")
    terminal.answer("Your data", "")
    terminal.answer("Is there an app", "")
    terminal.answer("Which database", "none")
    terminal.answer("log in?", "")
    terminal.answer("size of the container image", "")

    assert terminal.end() == 0, terminal.told
    assert "Podium alone" in terminal.told
    assert "podium serve" in terminal.told
    settings = read_settings(file=tmp_path / "birds" / "podium.toml", environment={})
    assert settings.records is False


@pytest.mark.slow
def test_every_wrong_answer_is_asked_for_again(terminal: Any, tmp_path: Path) -> None:
    (tmp_path / "Sales 2024.csv").write_text("size,always,price\n1,0,2.5\n2,0,3.5\n3,0,5.5\n")
    (tmp_path / "notes.docx").touch()
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "train.py").touch()

    terminal.answer("the project's name?", "Birds!")
    terminal.answer("can't be called 'Birds!'", "old")
    terminal.answer("old has a project already", "sales")
    terminal.answer("Your data", "none.csv")
    terminal.answer("none.csv doesn't exist", "notes.docx")
    terminal.answer("neither CSV nor Parquet", "'Sales 2024.csv'")
    terminal.answer("Which column should the model predict?", "cost")
    terminal.answer("no column 'cost'", "always")
    terminal.answer("only one value", "price")
    terminal.answer("Is there an app", "")
    terminal.answer("Which database", "none")
    terminal.answer("log in?", "maybe")
    terminal.answer("invalid input", "n")
    terminal.answer("size of the container image", "")

    assert terminal.end() == 0, terminal.told
    assert "size, always, price" in terminal.told
    assert (tmp_path / "sales" / "data" / "Sales-2024.csv").exists()


@pytest.mark.slow
def test_an_invalid_choice_is_prompted_for_again(terminal: Any) -> None:
    terminal.answer("the project's name?", "birds")
    terminal.answer("Your data", "")
    terminal.answer("Is there an app", "rails")

    terminal.read_until("'rails' is not one of")


@pytest.mark.slow
def test_without_data_the_project_uses_penguins(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["new", "--yes"]) == 0

    told = capsys.readouterr().out
    assert "cd penguins && pip install -r requirements-dev.txt && python train.py" in told
    assert "penguins.csv" in told
    assert "http://127.0.0.1:8000/models/penguins" in told
    assert (here / "penguins" / "data" / "penguins.csv").stat().st_size > 10_000


@pytest.mark.slow
def test_flags_say_everything(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "old.csv").write_text("x,y\n" + "".join(f"{n},{n / 3}\n" for n in range(30)))
    flags = "--in django --database mysql --people --no-small --data old.csv --target y"

    assert run(["new", "sales", *flags.split(), "--folder", "made/here"]) == 0

    made = here / "made" / "here"
    assert "HistGradientBoostingRegressor" in (made / "train.py").read_text()
    assert (made / "project" / "settings.py").is_file()
    assert (made / "data" / "old.csv").read_text() == (here / "old.csv").read_text()
    assert "manage.py migrate" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--target", "y"], "--target names a column of --data"),
        (["--data", "none.csv", "--target", "y"], "none.csv doesn't exist"),
        (["--data", "rows.csv"], "the column to predict is missing"),
        (["--data", "rows.csv", "--target", "z"], "no column 'z'"),
        (["Birds"], "can't be called 'Birds'"),
        (["rows"], "rows is a file"),
        (["--folder", "full"], "README.md already"),
    ],
)
def test_invalid_options_are_reported_with_what_to_do(
    here: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    (here / "rows.csv").write_text("x,y\n1,2.5\n2,3.5\n")
    (here / "rows").touch()
    (here / "full").mkdir()
    (here / "full" / "README.md").touch()

    assert run(["new", *arguments, "--yes"]) == 1

    error, _, hint = capsys.readouterr().err.partition("\n")
    assert said in error
    assert hint.strip() or "doesn't exist" in said
    assert sorted(path.name for path in here.iterdir()) == ["full", "rows", "rows.csv"]
