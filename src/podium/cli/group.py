"""`podium group`: groups of people and what they may do, for scripts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from podium.access import ALL, Action
from podium.cli.accounts import prepared, print_table
from podium.cli.terminal import harmless

_rights = [
    click.argument(
        "actions",
        nargs=-1,
        required=True,
        type=click.Choice([one.value for one in Action]),
        metavar="ACTION...",
    ),
    click.option("--model", "models", multiple=True, help="For this model; can be repeated."),
    click.option("--every-model", is_flag=True, help="For every model, including future ones."),
]


def _with_rights(command: Callable[..., None]) -> Callable[..., None]:
    """Decorates a command with arguments for a group, actions and models."""
    for option in reversed(_rights):
        command = option(command)
    return click.argument("name")(command)


@click.group()
def group() -> None:
    """Create groups of users, and grant them permissions.

    \b
    podium group create analysts
    podium group grant analysts predict see_own --model churn
    podium group members analysts --add grace
    podium group list
    """


@group.command()
@click.argument("name")
@prepared
def create(name: str) -> None:
    """Create a group called NAME, without permissions."""
    from podium.accounts import groups

    groups.create(name)
    click.echo(f"the group {harmless(name)} was created, without permissions")


@group.command("list")
@prepared
def list_() -> None:
    """Show all groups and their permissions."""
    from podium.accounts import groups

    print_table(("name", "members", "may"), groups.all_of_them())


@group.command()
@click.argument("name")
@prepared
def delete(name: str) -> None:
    """Delete the group NAME: its members lose what it granted."""
    from podium.accounts import groups

    n_members = groups.delete(name)
    click.echo(
        f"the group {harmless(name)} was deleted; it had {n_members} member{'s'[: n_members != 1]}"
    )


@group.command()
@_with_rights
@prepared
def grant(name: str, **rights: Any) -> None:
    """Grant permissions to the group NAME.

    \b
    podium group grant analysts predict feedback --model churn --model delay
    podium group grant auditors see --every-model
    podium group grant operators metrics
    """
    _change(name, is_granted=True, **rights)


@group.command()
@_with_rights
@prepared
def revoke(name: str, **rights: Any) -> None:
    """Revoke permissions of the group NAME."""
    _change(name, is_granted=False, **rights)


@group.command()
@click.argument("name")
@click.option("--add", "added", multiple=True, metavar="USER", help="Can be repeated.")
@click.option("--remove", "removed", multiple=True, metavar="USER", help="Can be repeated.")
@prepared
def members(name: str, added: tuple[str, ...], removed: tuple[str, ...]) -> None:
    """Show the members of the group NAME; add or remove users."""
    from podium.accounts import groups

    print_table(("member",), ((one,) for one in groups.change_members(name, added, removed)))


def _change(
    name: str,
    *,
    is_granted: bool,
    actions: tuple[str, ...],
    models: tuple[str, ...],
    every_model: bool,
) -> None:
    from podium.accounts import groups

    selected = (*models, ALL) if every_model else models
    changed = groups.change_rights(name, [*map(Action, actions)], selected, is_granted=is_granted)
    printable = harmless(name)
    for words in changed:
        click.echo(f"{printable} {'may' if is_granted else 'may not'} {words}")
    if not changed:
        click.echo(
            f"{printable} {'had these permissions already' if is_granted else 'had none of these permissions'}"
        )
