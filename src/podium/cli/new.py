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
from podium.distribution import IS_PUBLISHED
from podium.errors import SetupError
from podium.projects.advice import advice_for
from podium.projects.choices import APPS, DATABASES, Choices, checked_name, name_from
from podium.projects.dataset import Dataset, columns_of, dataset_of, demo_dataset
from podium.projects.deployment import Deployment
from podium.projects.files import project_files, write_project
from podium.projects.wheels import build_wheels

_APPS = {
    "none": "no, there is only the model",
    "flask": "a Flask app",
    "django": "a Django project",
}
_DATABASES = {
    "sqlite": "a file on the server",
    "postgresql": "a database server, for several machines",
    "mysql": "MySQL or MariaDB, likewise",
    "none": "store no predictions",
}


@click.command()
@click.argument("name", required=False)
@click.option("--in", "app", type=click.Choice(APPS), help="The existing app.")
@click.option("--database", type=click.Choice(DATABASES), help="The database for predictions.")
@click.option("--people/--no-people", default=None, help="Whether people log in.")
@click.option("--small/--no-small", default=None, help="Whether the size of the image matters.")
@click.option("--data", type=click.Path(path_type=Path), help="Your data: CSV or Parquet.")
@click.option("--target", help="The column of your data that the model predicts.")
@click.option(
    "--folder", type=click.Path(path_type=Path), help="The folder to create; ./NAME by default."
)
@click.option("-y", "--yes", is_flag=True, help="Ask nothing, and use the defaults.")
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
    """Create a project called NAME around a model of your data, or of example data.

    \b
    podium new                                                 asks a few questions
    podium new churn --data customers.csv --target churned --database postgresql --people
    """
    out = console()
    questions = _Questions(out, is_interactive=not yes and sys.stdin.isatty())
    dataset = _dataset(questions, data, target)
    usual = name_from(Path(dataset.file_name).stem)
    choices = Choices(
        name=checked_name(name or questions.text("What is the project's name?", usual)),
        app=app or questions.choice("Is there an app that it goes into?", _APPS, "none"),  # type: ignore[arg-type]
        database=database  # type: ignore[arg-type]
        or questions.choice("Which database stores the predictions?", _DATABASES, "sqlite"),
        has_people=questions.truth("Will people log in?", usual=False)
        if people is None
        else people,
        is_small=questions.truth("Does the size of the image matter?", usual=True)
        if small is None
        else small,
    )
    _advise(out, choices)
    place = folder or Path(choices.name)
    wheels = () if IS_PUBLISHED else build_wheels()
    created = write_project(place, project_files(choices, dataset, wheels), dataset, wheels)
    _print_summary(out, place, created, choices)


class _Questions:
    """Prompts for options that weren't given; without a terminal the default is used."""

    def __init__(self, out: Console, *, is_interactive: bool) -> None:
        self.is_interactive = is_interactive
        self._out = out

    def text(self, question: str, usual: str) -> str:
        """A text, as typed."""
        if not self.is_interactive:
            return usual
        return str(click.prompt(click.style(f"\n{question}", bold=True), default=usual))

    def choice(self, question: str, choices: dict[str, str], usual: str) -> str:
        """One of a few."""
        if not self.is_interactive:
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
        if not self.is_interactive:
            return usual
        return click.confirm(click.style(f"\n{question}", bold=True), default=usual)


def _dataset(questions: _Questions, data: Path | None, target: str | None) -> Dataset:
    """The user's rows, or those of the demo.

    Raises:
        SetupError: they are invalid, or the target is missing.
    """
    if data is None and target is not None:
        raise SetupError("--target names a column of --data", hint="give both, or neither")
    if data is None and questions.is_interactive:
        path_text = questions.text(
            "Your data, a CSV or Parquet file (or: none, for penguins)", "none"
        )
        data = None if path_text == "none" else Path(path_text)
    if data is None:
        return demo_dataset()
    if target is None:
        names = columns_of(data)
        if not questions.is_interactive:
            raise SetupError(
                "the column to predict is missing",
                hint=f"name a column with --target: {', '.join(names[:30])}",
            )
        target = questions.choice(
            "Which column should the model predict?", dict.fromkeys(names, ""), names[-1]
        )
    return dataset_of(data, target)


def _advise(out: Console, choices: Choices) -> None:
    advice = advice_for(choices)
    out.print()
    out.print(heading(advice.short))
    out.print(indented(Text(advice.why)))
    for warning in advice.warnings:
        out.print(indented(Text(f"! {warning}", style="yellow")))


def _print_summary(out: Console, folder: Path, created: list[Path], choices: Choices) -> None:
    """Print the files that were created, and the next steps."""
    tree = Tree(Text(f"{folder}/", style="bold"), guide_style="dim")
    branches: dict[Path, Any] = {folder: tree}
    for path in created:
        for parent in [*reversed(path.relative_to(folder).parents)][1:]:
            if folder / parent not in branches:
                above = branches[(folder / parent).parent]
                branches[folder / parent] = above.add(Text(f"{parent.name}/", style="bold"))
        branches[path.parent].add(Text(path.name))
    out.print()
    out.print(tree)
    out.print(heading("\nNext"))
    deployment = Deployment(choices)
    train, start = deployment.commands
    out.print(f"  cd {shlex.quote(str(folder))} && {train}", soft_wrap=True)
    out.print(f"  {start}", soft_wrap=True)
    instructions = f"Then open {deployment.address}/models/{choices.name}"
    if deployment.first_person:
        instructions = f"{deployment.first_person}\n{instructions}"
    out.print(Text(f"\n{instructions}", style="dim"))
