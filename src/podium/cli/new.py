"""`podium new`: a few questions, and a project that runs."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from podium.cli.terminal import console, heading, indented
from podium.errors import SetupError
from podium.projects.advice import advice_for
from podium.projects.answers import APPS, DATABASES, Answers, checked_name, name_from
from podium.projects.dataset import Dataset, columns_of, dataset_of, demo_dataset
from podium.projects.deployment import Deployment
from podium.projects.files import project_files, write_project

_APPS = {
    "none": "no, the model is all there is",
    "flask": "a Flask app",
    "django": "a Django project",
}
_DATABASES = {
    "sqlite": "a file beside the server",
    "postgresql": "a server of its own, for several machines",
    "mysql": "MySQL or MariaDB, the same",
    "none": "keep nothing of what is asked",
}


@click.command()
@click.argument("name", required=False)
@click.option("--in", "app", type=click.Choice(APPS), help="What there is already.")
@click.option("--database", type=click.Choice(DATABASES), help="Where predictions are kept.")
@click.option("--people/--no-people", default=None, help="People log in, or nobody does.")
@click.option("--small/--no-small", default=None, help="The size of the image matters, or not.")
@click.option("--data", type=click.Path(path_type=Path), help="Your rows: CSV or Parquet.")
@click.option("--target", help="The column of your rows that the model predicts.")
@click.option("--folder", type=click.Path(path_type=Path), help="Where to; ./NAME when left out.")
@click.option("-y", "--yes", is_flag=True, help="Ask nothing: what isn't said is as usual.")
def new(
    name: str | None,
    app: str | None,
    database: str | None,
    people: bool | None,
    small: bool | None,
    data: Path | None,
    target: str | None,
    folder: Path | None,
    yes: bool,
) -> None:
    """Make a project called NAME around a model of your rows, or of real ones to begin with.

    \b
    podium new                                                 asks a few questions
    podium new churn --data customers.csv --target churned --database postgresql --people
    """
    out = console()
    asks = _Questions(out, is_asked=not yes and sys.stdin.isatty())
    dataset = _dataset(asks, data, target)
    usual = name_from(Path(dataset.file_name).stem)
    answers = Answers(
        name=checked_name(name or asks.text("What shall it be called?", usual)),
        app=app or asks.choice("Is there an app that it goes into?", _APPS, "none"),  # type: ignore[arg-type]
        database=database  # type: ignore[arg-type]
        or asks.choice("Which database keeps the predictions?", _DATABASES, "sqlite"),
        has_people=asks.truth("Will people log in?", usual=False) if people is None else people,
        is_small=asks.truth("Does the size of the image matter?", usual=True)
        if small is None
        else small,
    )
    _advise(out, answers)
    place = folder or Path(answers.name)
    made = write_project(place, project_files(answers, dataset), dataset)
    _tell(out, place, made, answers)


class _Questions:
    """Asks what wasn't said; where nobody can answer, it is as usual."""

    def __init__(self, out: Console, *, is_asked: bool) -> None:
        self.is_asked = is_asked
        self._out = out

    def text(self, question: str, usual: str) -> str:
        """An answer of one's own."""
        if not self.is_asked:
            return usual
        return str(click.prompt(click.style(f"\n{question}", bold=True), default=usual))

    def choice(self, question: str, choices: dict[str, str], usual: str) -> str:
        """One of a few."""
        if not self.is_asked:
            return usual
        self._out.print(Text(f"\n{question}", style="bold"))
        width = max(map(len, choices))
        for one, about in choices.items():
            self._out.print(Text.assemble(f"  {one:<{width}}  ", (about, "dim")))
        return str(
            click.prompt(" ", default=usual, type=click.Choice(list(choices)), show_choices=False)
        )

    def truth(self, question: str, *, usual: bool) -> bool:
        """Yes or no."""
        if not self.is_asked:
            return usual
        return click.confirm(click.style(f"\n{question}", bold=True), default=usual)


def _dataset(asks: _Questions, data: Path | None, target: str | None) -> Dataset:
    """The user's rows, or those of the demo.

    Raises:
        SetupError: they can't be used, or it isn't said what to predict.
    """
    if data is None and target is not None:
        raise SetupError("--target names a column of --data", hint="give both, or neither")
    if data is None and asks.is_asked:
        said = asks.text("Your rows, a CSV or Parquet file (or: none, for penguins)", "none")
        data = None if said == "none" else Path(said)
    if data is None:
        return demo_dataset()
    if target is None:
        names = columns_of(data)
        if not asks.is_asked:
            raise SetupError(
                "it isn't said what the model shall predict",
                hint=f"name a column with --target: {', '.join(names[:30])}",
            )
        target = asks.choice(
            "Which column shall the model predict?", dict.fromkeys(names, ""), names[-1]
        )
    return dataset_of(data, target)


def _advise(out: Console, answers: Answers) -> None:
    advice = advice_for(answers)
    out.print()
    out.print(heading(advice.short))
    out.print(indented(Text(advice.why)))
    for warning in advice.warnings:
        out.print(indented(Text(f"! {warning}", style="yellow")))


def _tell(out: Console, folder: Path, made: list[Path], answers: Answers) -> None:
    """Show what was made, and what to do next."""
    tree = Tree(Text(f"{folder}/", style="bold"), guide_style="dim")
    branches: dict[Path, Any] = {folder: tree}
    for path in made:
        for parent in [*reversed(path.relative_to(folder).parents)][1:]:
            if folder / parent not in branches:
                above = branches[(folder / parent).parent]
                branches[folder / parent] = above.add(Text(f"{parent.name}/", style="bold"))
        branches[path.parent].add(Text(path.name))
    out.print()
    out.print(tree)
    out.print(heading("\nNext"))
    deployment = Deployment(answers)
    train, start = deployment.commands
    out.print(f"  cd {shlex.quote(str(folder))} && {train}", soft_wrap=True)
    out.print(f"  {start}", soft_wrap=True)
    there = f"Then open {deployment.address}/models/{answers.name}"
    if deployment.first_person:
        there = f"{deployment.first_person}\n{there}"
    out.print(Text(f"\n{there}", style="dim"))
