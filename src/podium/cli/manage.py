"""`podium manage`: Django's commands, for the accounts."""

from __future__ import annotations

from pathlib import Path

import click

from podium.settings import read_settings


@click.command(
    context_settings={
        "ignore_unknown_options": True,
        "allow_interspersed_args": False,
        "help_option_names": ["-h"],
    }
)
@click.option("--home", help="The home folder of the server; ./podium-home by default.")
@click.option("--config", type=click.Path(path_type=Path), help="Settings in TOML.")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def manage(home: str | None, config: Path | None, arguments: tuple[str, ...]) -> None:
    """Run a Django command on the accounts, with the server's settings.

    \b
    podium manage help
    podium manage check --deploy
    podium manage diffsettings
    podium manage rotate_secret
    """
    # These options are in the server's settings: above all the database.
    from podium.accounts.start import configure

    configure(read_settings({"home": home, "accounts": True}, file=config))
    from django.core.management import execute_from_command_line

    execute_from_command_line(["podium manage", *(arguments or ("help",))])
