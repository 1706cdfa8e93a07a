"""`podium new`: a few questions, and a project that runs."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from podium.cli.terminal import console, harmless, heading, indented
from podium.distribution import IS_PUBLISHED
from podium.errors import SetupError
from podium.projects.advice import advice_for
from podium.projects.choices import APPS, DATABASES, Choices, checked_name, fits, name_from
from podium.projects.databases import SERVERS
from podium.projects.dataset import Dataset, columns_of, dataset_of, demo_dataset
from podium.projects.deployment import Deployment
from podium.projects.files import check_free, project_files, write_project
from podium.projects.wheels import build_wheels

T = TypeVar("T")
_APPS = {
    "none": "no, there is only the model",
    "flask": "a Flask app",
    "django": "a Django project",
}
_DATABASES = {
    "sqlite": "a file on the server",
    **{name: server.about for name, server in SERVERS.items()},
    "none": "store no predictions",
}


@click.command()
@click.argument("name", required=False)
@click.option("--in", "app", type=click.Choice(APPS), help="The existing app.")
@click.option("--database", type=click.Choice(DATABASES), help="The database for predictions.")
@click.option("--people/--no-people", default=None, help="Whether people log in.")
@click.option(
    "--small/--no-small", default=None, help="Whether the size of the container image matters."
)
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
    name = _name(questions, name, data, folder)
    dataset = _dataset(questions, data, target)
    app = app or questions.choice("Is there an app that the model goes into?", _APPS, "none")
    offered = {one: about for one, about in _DATABASES.items() if fits(app, one)}
    choices = Choices(
        name=name or checked_name(name_from(Path(dataset.file_name).stem)),
        app=app,  # type: ignore[arg-type]
        database=database  # type: ignore[arg-type]
        or questions.choice("Which database stores the predictions?", offered, "sqlite"),
        has_people=questions.truth("Will people log in?", usual=False)
        if people is None
        else people,
        is_small=questions.truth("Does the size of the container image matter?", usual=True)
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

    def checked(self, question: str, usual: str, check: Callable[[str], T]) -> T:
        """What a check makes of the text that is typed; it is asked for again until it is valid.

        Args:
            check: raises SetupError for what isn't.
        """
        if not self.is_interactive:
            return check(usual)

        def valid(text: str) -> T:
            try:
                return check(text.strip())
            except SetupError as error:
                raise click.UsageError(
                    "\n".join(filter(None, (error.message, error.hint)))
                ) from error

        style = click.style(f"\n{question}", bold=True)
        found: T = click.prompt(style, default=usual, value_proc=valid)
        return found

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


def _name(
    questions: _Questions, name: str | None, data: Path | None, folder: Path | None
) -> str | None:
    """The project's name; None if nobody chose one.

    Raises:
        SetupError: it was given, and can't be used.
    """

    def usable(text: str) -> str:
        checked_name(text)
        check_free(folder or Path(text))
        return text

    if name is not None:
        return usable(name)
    if not questions.is_interactive:
        return None
    usual = name_from(data.name.partition(".")[0]) if data is not None else "my-model"
    return questions.checked("What is the project's name?", usual, usable)


def _dataset(questions: _Questions, data: Path | None, target: str | None) -> Dataset:
    """The user's rows, or those of the demo.

    Raises:
        SetupError: they were given, and are invalid; or the target is missing.
    """
    if data is None and target is not None:
        raise SetupError("--target names a column of --data", hint="give both, or neither")
    if data is None and questions.is_interactive:
        question = "Your data, a CSV or Parquet file (or: none, for penguins)"
        data = questions.checked(question, "none", _data)
    if data is None:
        return demo_dataset()
    if target is not None:
        return dataset_of(data, target)
    names = columns_of(data)
    if not questions.is_interactive:
        raise SetupError(
            "the column to predict is missing",
            hint=f"name a column with --target: {', '.join(names[:30])}",
        )
    listed = ", ".join(map(harmless, names[:30])) + (", ..." if len(names) > 30 else "")
    question = f"Which column should the model predict?\n{listed}\n"
    return questions.checked(question, names[-1], partial(dataset_of, data))


def _data(text: str) -> Path | None:
    """The file that was typed, or dropped onto the terminal; None for none.

    Raises:
        SetupError: it can't be read.
    """
    if text.lower() == "none":
        return None
    path = Path(text.strip("'\"")).expanduser()
    columns_of(path)
    return path


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
