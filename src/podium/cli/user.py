"""`podium user`: people's accounts, for scripts and for whoever can't get in."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from podium.settings import read_settings

_where = [
    click.option("--home", help="The home folder of the server; ./podium-home when left out."),
    click.option("--config", type=click.Path(path_type=Path), help="Settings in TOML."),
]
_password = click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input."
)


def _prepared(command: Callable[..., None]) -> Callable[..., None]:
    """A command that finds the accounts' tables as they must be."""

    @wraps(command)
    def run(*, home: str | None, config: Path | None, **options: Any) -> None:
        from podium.hosts.accounts.start import configure, migrate

        settings = read_settings({"home": home, "accounts": True}, file=config)
        configure(settings)
        migrate(settings)
        command(**options)

    for option in _where:
        run = option(run)
    return run


@click.group()
def user() -> None:
    """Make people's accounts, and let those in who can't get in.

    \b
    podium user add ada --admin
    podium user add grace --group analysts --password-stdin < password.txt
    podium user list
    """


@user.command()
@click.argument("name")
@click.option("--email", default="", help="Their e-mail address.")
@click.option("--admin", is_flag=True, help="They may do everything.")
@click.option("--group", "groups", multiple=True, help="A group that they are in; can be repeated.")
@_password
@_prepared
def add(name: str, email: str, admin: bool, groups: tuple[str, ...], password_stdin: bool) -> None:
    """Make an account called NAME."""
    from podium.hosts.accounts import people

    people.add(name, _said(password_stdin), email=email, is_admin=admin, groups=groups)
    click.echo(f"{name} can log in now")


@user.command("list")
@_prepared
def list_() -> None:
    """Show all accounts."""
    from podium.hosts.accounts import people

    table = Table("name", "e-mail", "may", "groups", "two-factor", "last login", box=None)
    for one in people.all_of_them():
        table.add_row(*one)
    Console(soft_wrap=True).print(table)


@user.command()
@click.argument("name")
@_password
@_prepared
def password(name: str, password_stdin: bool) -> None:
    """Give NAME a new password, and end their sessions."""
    from podium.hosts.accounts import people

    people.set_password(name, _said(password_stdin))
    click.echo(f"{name} has a new password")


@user.command()
@click.argument("name")
@_prepared
def disable(name: str) -> None:
    """Let NAME in no more, and end their sessions."""
    from podium.hosts.accounts import people

    people.set_active(name, is_active=False)
    click.echo(f"{name} can't log in any more")


@user.command()
@click.argument("name")
@_prepared
def enable(name: str) -> None:
    """Let NAME in again."""
    from podium.hosts.accounts import people

    people.set_active(name, is_active=True)
    click.echo(f"{name} can log in again")


@user.command("reset-mfa")
@click.argument("name")
@_prepared
def reset_mfa(name: str) -> None:
    """Forget the second factors of NAME, who has lost them."""
    from podium.hosts.accounts import people

    n_forgotten = people.forget_factors(name)
    click.echo(f"{name} logs in with the password alone ({n_forgotten} forgotten)")


def _said(is_piped: bool) -> str:
    if is_piped:
        return sys.stdin.readline().rstrip("\r\n")
    answer: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return answer
