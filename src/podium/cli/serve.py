"""`podium serve`: models as pages and an API, on this machine."""

from __future__ import annotations

import logging
import os
from functools import partial
from pathlib import Path

import click
from rich.console import Console

from podium.app import made_home
from podium.cli.apart import apart
from podium.errors import SetupError
from podium.hosts.asgi import App
from podium.hosts.server import serve as serve_models
from podium.records.open import without_password
from podium.settings import read_settings
from podium.sources import Source


@click.command()
@click.argument("models", nargs=-1)
@click.option("--host", help="The address to listen at; 127.0.0.1 when left out.")
@click.option("--port", type=int, help="The port to listen at; 0 takes a free one.")
@click.option("--home", help="The folder for records; ./podium-home when left out.")
@click.option("--open", "open_", is_flag=True, default=None, help="Answer other machines too.")
@click.option("--accounts", is_flag=True, default=None, help="Let people log in.")
@click.option("--allowed-host", multiple=True, help="A name that this server is known by.")
@click.option("--no-records", is_flag=True, default=None, help="Keep no predictions.")
@click.option("--store", help="Where records live, as an address like sqlite:///file.db.")
@click.option("--title", help="The name of the site, on every page.")
@click.option("--trust", multiple=True, metavar="sha256:...", help="Allow this pickle to run code.")
@click.option("--workers", type=int, help="Processes that answer; 1 when left out.")
@click.option(
    "--durability",
    type=click.Choice(["normal", "full", "off"]),
    help="What an answered prediction survives: the process's end, the power's loss, or neither.",
)
@click.option("--keep-days", type=int, help="How long records are kept; for ever when left out.")
@click.option("--tls-cert", help="A PEM file with the certificate, to speak HTTPS.")
@click.option("--tls-key", help="A PEM file with the certificate's private key.")
@click.option("--access-log", is_flag=True, default=None, help="Write a line about every request.")
@click.option("--config", type=click.Path(path_type=Path), help="Settings in TOML.")
@click.option("--data", type=click.Path(path_type=Path), help="Training rows of a model file.")
@click.option("--target", help="The column of the data that the model predicts.")
def serve(
    models: tuple[str, ...],
    host: str | None,
    port: int | None,
    home: str | None,
    open_: bool | None,
    accounts: bool | None,
    allowed_host: tuple[str, ...],
    no_records: bool | None,
    store: str | None,
    title: str | None,
    trust: tuple[str, ...],
    workers: int | None,
    durability: str | None,
    keep_days: int | None,
    tls_cert: str | None,
    tls_key: str | None,
    access_log: bool | None,
    config: Path | None,
    data: Path | None,
    target: str | None,
) -> None:
    """Serve MODELS: bundles, folders of them, or module:function.

    \b
    podium serve churn.podium
    podium serve models/ --port 8080
    podium serve model.joblib --data train.csv --target delay --trust sha256:...
    """
    flags = {
        "host": host,
        "port": port,
        "home": home,
        "open": open_,
        "accounts": accounts,
        "allowed_hosts": allowed_host or None,
        "records": False if no_records else None,
        "store": store,
        "title": title,
        "trust": trust or None,
        "workers": workers,
        "durability": durability,
        "keep_days": keep_days,
        "tls_cert": tls_cert,
        "tls_key": tls_key,
        "access_log": access_log,
    }
    settings = read_settings(flags, file=config)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    sources: tuple[Source, ...] = models
    if data is not None:
        from podium.cli.pack import packed

        if len(models) != 1:
            raise SetupError("--data goes with one model file", hint="pack each model first")
        folder = made_home(made_home(Path(settings.home)) / "packed")
        name = Path(models[0]).stem if Path(models[0]).exists() else models[0].partition(":")[2]
        file = folder / f"{name}.podium"
        apart(partial(packed, models[0], data=data, target=target, path=file, trust=settings.trust))
        sources = (str(file),)
    serve_models(*sources, settings=settings, tell=tell, supervised=hasattr(os, "fork"))


def tell(address: str, app: App) -> None:
    """Print where everything is."""
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"\n[bold]Podium is at {address}[/bold]\n")
    for name in app.deployments:
        console.print(f"  {name}")
        console.print(f"    form     {address}/models/{name}")
        console.print(f"    predict  POST {address}/api/models/{name}/predict")
    console.print(f"\n  docs       {address}/docs")
    if app.settings.records:
        where = without_password(app.settings.store) or Path(app.settings.home) / "podium.db"
        console.print(f"  records    {where}")
    if app.settings.open:
        console.print("\n[yellow]Open: whoever reaches this address can use the models.[/yellow]")
    console.print("\nCtrl-C stops it.")
