"""`podium user`: people's accounts, for scripts and for whoever can't get in."""

from __future__ import annotations

import sys

import click

from podium.cli.accounts import prepared, print_table

_password = click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input."
)


@click.group()
def user() -> None:
    """Create user accounts, and restore access to them.

    \b
    podium user add ada --admin
    podium user add grace --group analysts --password-stdin < password.txt
    podium user list
    """


@user.command()
@click.argument("name")
@click.option("--email", default="", help="The user's email address.")
@click.option("--admin", is_flag=True, help="The user may do everything.")
@click.option(
    "--group", "groups", multiple=True, help="A group to add the user to; can be repeated."
)
@_password
@prepared
def add(name: str, email: str, admin: bool, groups: tuple[str, ...], password_stdin: bool) -> None:
    """Create an account called NAME."""
    from podium.accounts import people

    people.add(name, _read_password(password_stdin), email=email, is_admin=admin, groups=groups)
    click.echo(f"{name} can log in now")


@user.command("list")
@prepared
def list_() -> None:
    """Show all accounts."""
    from podium.accounts import people

    columns = ("name", "e-mail", "may", "groups", "two-factor", "last login")
    rows = list(people.all_of_them())
    print_table(columns, rows)
    if not rows:
        click.echo("There is no account yet: podium user add NAME --admin", err=True)


@user.command()
@click.argument("name")
@_password
@prepared
def password(name: str, password_stdin: bool) -> None:
    """Set a new password for NAME, and end their sessions and tokens."""
    from podium.accounts import people

    people.set_password(name, _read_password(password_stdin))
    click.echo(f"{name} has a new password")


@user.command()
@click.argument("name")
@prepared
def disable(name: str) -> None:
    """Lock the account NAME, and end its sessions."""
    from podium.accounts import people

    people.set_active(name, is_active=False)
    click.echo(f"{name} can't log in any more")


@user.command()
@click.argument("name")
@prepared
def enable(name: str) -> None:
    """Unlock the account NAME."""
    from podium.accounts import people

    people.set_active(name, is_active=True)
    click.echo(f"{name} can log in again")


@user.command("reset-mfa")
@click.argument("name")
@prepared
def reset_mfa(name: str) -> None:
    """Remove the second factors of NAME, who has lost them."""
    from podium.accounts import people

    n_forgotten = people.forget_factors(name)
    click.echo(f"{name} logs in with the password alone ({n_forgotten} removed)")


def _read_password(is_piped: bool) -> str:
    if is_piped:
        return sys.stdin.readline().rstrip("\r\n")
    password: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return password
