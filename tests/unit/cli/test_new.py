"""`podium new` on a terminal, and without one."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from podium.cli.main import run
from podium.settings import read_settings


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


class Terminal:
    """`podium new` in a terminal of its own, where somebody answers."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self._ours, theirs = os.openpty()
        self.told = ""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "podium", "new", *arguments],
            cwd=folder,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, "TERM": "dumb", "COLUMNS": "100"},
        )
        os.close(theirs)

    def answer(self, question: str, text: str) -> None:
        self.read_until(question)
        os.write(self._ours, f"{text}\n".encode())

    def read_until(self, said: str) -> None:
        before, limit = len(self.told), time.monotonic() + 60
        while said not in self.told[before:]:
            assert time.monotonic() < limit, self.told
            self.told += os.read(self._ours, 4096).decode()

    def end(self) -> int:
        try:
            while chunk := os.read(self._ours, 4096):
                self.told += chunk.decode()
        except OSError:  # how Linux says that the other side of a terminal is closed
            pass
        return self.process.wait(timeout=30)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._ours)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    started = Terminal(tmp_path)
    yield started
    started.close()


@pytest.mark.slow
def test_a_user_answers_questions_and_gets_a_project(terminal: Terminal, tmp_path: Path) -> None:
    terminal.answer("the project's name?", "birds")
    terminal.answer("Your data", "")
    terminal.answer("Is there an app", "")
    terminal.answer("Which database", "none")
    terminal.answer("log in?", "")
    terminal.answer("size of the image", "")

    assert terminal.end() == 0, terminal.told
    assert "Podium alone" in terminal.told
    assert "podium serve" in terminal.told
    settings = read_settings(file=tmp_path / "birds" / "podium.toml", environment={})
    assert settings.records is False


@pytest.mark.slow
def test_every_wrong_answer_is_asked_for_again(terminal: Terminal, tmp_path: Path) -> None:
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
    terminal.answer("size of the image", "")

    assert terminal.end() == 0, terminal.told
    assert "size, always, price" in terminal.told
    assert (tmp_path / "sales" / "data" / "Sales-2024.csv").exists()


@pytest.mark.slow
def test_an_invalid_choice_is_prompted_for_again(terminal: Terminal) -> None:
    terminal.answer("the project's name?", "birds")
    terminal.answer("Your data", "")
    terminal.answer("Is there an app", "rails")

    terminal.read_until("'rails' is not one of")


def test_without_data_the_project_uses_penguins(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["new", "--yes"]) == 0

    told = capsys.readouterr().out
    assert "cd penguins && pip install -r requirements-dev.txt && python train.py" in told
    assert "penguins.csv" in told
    assert "http://127.0.0.1:8000/models/penguins" in told
    assert (here / "penguins" / "data" / "penguins.csv").stat().st_size > 10_000


def test_flags_say_everything(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "old.csv").write_text("x,y\n" + "".join(f"{n},{n / 3}\n" for n in range(30)))
    flags = "--in django --database mysql --people --no-small --data old.csv --target y"

    assert run(["new", "sales", *flags.split(), "--folder", "made/here"]) == 0

    made = here / "made" / "here"
    assert "HistGradientBoostingRegressor" in (made / "train.py").read_text()
    assert (made / "project" / "settings.py").is_file()
    assert (made / "data" / "old.csv").read_text() == (here / "old.csv").read_text()
    assert "manage.py migrate" in capsys.readouterr().out


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
