"""`podium jobs`: runs the jobs of a home folder, beside a server that can't."""

from __future__ import annotations

import threading
from pathlib import Path

import click

from podium.cli.progress import stopping
from podium.errors import SetupError
from podium.jobs.runner import runner_of
from podium.settings import read_settings


@click.command()
@click.option("--home", help="The home folder of the server; ./podium-home when left out.")
@click.option("--config", type=click.Path(path_type=Path), help="Settings in TOML.")
def jobs(home: str | None, config: Path | None) -> None:
    """Run the jobs that score files, until stopped.

    \b
    podium jobs --home instance/podium

    Servers run them by themselves. It is for those that can't: that run no threads between requests,
    as uWSGI without enable-threads, or that may start no processes. It needs the settings of the
    server, and its modules, if models are functions.
    """
    settings = read_settings({"home": home}, file=config)
    if not Path(settings.home).is_dir():
        raise SetupError(f"{settings.home} doesn't exist", hint="give the home folder with --home")
    runner = runner_of(settings)
    if runner is None:
        raise SetupError("jobs are turned off", hint="job_bytes_max is 0 in the settings")
    with stopping():
        try:
            runner.start()
            click.echo(f"running the jobs of {settings.home}; Ctrl-C stops it")
            threading.Event().wait()
        finally:
            runner.close()
