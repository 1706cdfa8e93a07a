"""`flask podium ...`: the commands for an app's models."""

from __future__ import annotations

import copy
import functools
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlencode

import click
from flask.cli import AppGroup, ScriptInfo, with_appcontext

from podium.access import ANYONE
from podium.errors import PodiumError
from podium.hosts.flask.host import NAME, host_of
from podium.http import Request
from podium.web import record_pages

# The command line is above the hosts in the import order, so it is imported by name when called.
_MAIN = "podium.cli.main"


class _Group(AppGroup):
    """Our commands, and those of `podium` that take a model, by its name instead of its file."""

    BORROWED: ClassVar[tuple[str, ...]] = ("predict", "score")

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names in alphabetical order."""
        return sorted([*super().list_commands(ctx), *self.BORROWED])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command with this name, or None."""
        if cmd_name in self.BORROWED:
            return _borrowed(getattr(import_module(f"podium.cli.{cmd_name}"), cmd_name))
        return super().get_command(ctx, cmd_name)


def _borrowed(command: click.Command) -> click.Command:
    made = copy.copy(command)
    made.params = [_of_app(one) for one in command.params if one.name != "trust"]
    callback = command.callback
    assert callback is not None
    made.callback = with_appcontext(_ended(functools.partial(_trusting, callback)))
    said = (command.help or "").replace(".podium", "").replace("BUNDLE", "MODEL")
    made.help = said.replace("podium ", "flask podium ")
    return made


def _of_app(param: click.Parameter) -> click.Parameter:
    """Let a parameter that names a bundle accept a model's name."""
    if param.name != "bundle":
        return param
    made = copy.copy(param)
    made.type, made.metavar = click.types.convert_type(_file), "MODEL"
    return made


def _trusting(callback: Callable[..., Any], **values: Any) -> Any:
    return callback(**values, trust=host_of().options.settings.trust)


def _ended(command: Callable[..., Any]) -> Callable[..., None]:
    """A command that ends as those of `podium` do: with an error message and an exit code."""

    @functools.wraps(command)
    def call(*args: Any, **values: Any) -> None:
        try:
            code = command(*args, **values)
        except PodiumError as error:
            main = import_module(_MAIN)
            main.print_error(error)
            sys.exit(main.exit_code(error))
        sys.exit(code or 0)

    return call


def _file(name: str) -> Path | None:
    """The file of the model with this name."""
    app = click.get_current_context().ensure_object(ScriptInfo).load_app()
    try:
        return host_of(app).bundle(name).path
    except PodiumError as error:
        raise click.BadParameter(f"{error.message}; {error.hint}") from error


group = _Group(NAME, help="Use the models of this app, and read their records.")


@group.command("models")
@_ended
def models() -> None:
    """List the models and their URLs."""
    host = host_of()
    for name, failure in host.opened.failures.items():
        click.secho(f"{name} can't be served: {failure}", err=True)
    for bundle in host.opened.bundles.values():
        click.secho(bundle.name, bold=True)
        click.echo(f"  title    {bundle.card.title}")
        click.echo(f"  version  {bundle.version}")
        click.echo(f"  fields   {', '.join(bundle.signature.names)}")
        click.echo(f"  runtime  {bundle.runtime_name}")
        click.echo(f"  form     {host.options.url_prefix}/models/{bundle.name}")
        click.echo(f"  predict  POST {host.options.url_prefix}/api/models/{bundle.name}/predict")
        click.echo(f"  file     {bundle.path}")


@group.command("records")
@click.argument("model")
@click.option("--since", default="", help="The first day, as 2026-11-21.")
@click.option("--until", default="", help="The last day.")
@click.option("--outcome", default="", help="Only records with this prediction.")
@_ended
def records(model: str, since: str, until: str, outcome: str) -> None:
    """Print the records of MODEL as CSV, newest first.

    \b
    flask podium records churn > churn-records.csv
    """
    filters = {"since": since, "until": until, "outcome": outcome}
    query = urlencode({name: value for name, value in filters.items() if value})
    host = host_of()
    request = Request("GET", "/", query, actor=ANYONE, is_identified=True)
    try:
        response = record_pages.csv(host.app.site, request, model)
        for piece in response.body:
            click.echo(piece, nl=False)
    finally:
        host.close()
