"""`podium serve`: models as pages and an API, on this machine."""

from __future__ import annotations

import logging
import os
import shlex
import sys
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import click
import msgspec

from podium.app import create_home
from podium.cli.apart import apart
from podium.cli.terminal import harmless
from podium.errors import PortInUse, SetupError
from podium.hosts.asgi import App
from podium.records.open import without_password
from podium.serving import serve as serve_models
from podium.settings import Settings, read_settings
from podium.sources import Source

# The argument with which SageMaker starts a container, whose models its settings name.
OF_SAGEMAKER = "serve"


@click.command()
@click.argument("models", nargs=-1)
@click.option("--host", help="The address to listen at; 127.0.0.1 by default.")
@click.option("--port", type=int, help="The port to listen at; 0 chooses a free one.")
@click.option("--grpc-port", type=int, help="A port for gRPC; 0 chooses a free one.")
@click.option("--home", help="The folder for records; ./podium-home by default.")
@click.option(
    "--open",
    "open_",
    is_flag=True,
    default=None,
    help="Serve other machines too, without accounts.",
)
@click.option("--accounts", is_flag=True, default=None, help="Let people log in.")
@click.option("--allowed-host", multiple=True, help="A host name of this server; can be repeated.")
@click.option("--no-records", is_flag=True, default=None, help="Don't record predictions.")
@click.option("--store", help="Where records are stored, as a URL like sqlite:///file.db.")
@click.option("--title", help="The name of the site, on every page.")
@click.option("--trust", multiple=True, metavar="sha256:...", help="Allow this pickle to run code.")
@click.option("--workers", type=int, help="Worker processes; 1 by default.")
@click.option(
    "--durability",
    type=click.Choice(["normal", "full", "off"]),
    help="What a recorded prediction survives: the end of the process, also a power failure, or neither.",
)
@click.option(
    "--keep-days", type=int, help="How many days records are stored; for ever by default."
)
@click.option("--tls-cert", help="A PEM file with the certificate, for HTTPS.")
@click.option("--tls-key", help="A PEM file with the certificate's private key.")
@click.option("--access-log", is_flag=True, default=None, help="Write a line for every request.")
@click.option("--config", type=click.Path(path_type=Path), help="Settings in TOML.")
@click.option("--data", type=click.Path(path_type=Path), help="Training rows of a model file.")
@click.option("--target", help="The column of the data that the model predicts.")
def serve(
    models: tuple[str, ...],
    host: str | None,
    port: int | None,
    grpc_port: int | None,
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
        "grpc_port": grpc_port,
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
    if models == (OF_SAGEMAKER,) and settings.models and not Path(OF_SAGEMAKER).exists():
        models = ()
    if not models and not settings.models:
        raise SetupError("there is no model to serve", hint=_where_models_are())
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    sources: tuple[Source, ...] = models
    if data is not None:
        from podium.cli.pack import packed

        if len(models) != 1:
            raise SetupError("--data goes with one model file", hint="pack each model first")
        folder = create_home(create_home(Path(settings.home)) / "packed")
        name = Path(models[0]).stem if Path(models[0]).exists() else models[0].partition(":")[2]
        file = folder / f"{name}.podium"
        apart(partial(packed, models[0], data=data, target=target, path=file, trust=settings.trust))
        sources = (str(file),)
    serve_here(*sources, settings=settings)


def _where_models_are() -> str:
    """What somebody may have meant who named no model."""
    near = [*sorted(Path().glob("*.podium")), *sorted(Path().glob("*/*.podium"))][:3]
    if near:
        return "\n".join(f"podium serve {shlex.quote(str(one))}" for one in near)
    return (
        "podium new       makes a project around a model of your data\n"
        "podium pack      packs a model that you trained, to be served then\n"
        "podium demo      serves two models on real data"
    )


def serve_here(*sources: Source, settings: Settings) -> None:
    """Serve models; on a terminal, where the port is in use, at a free one if somebody agrees.

    Raises:
        PodiumError: as `podium.serve` does.
    """
    serve = partial(serve_models, *sources, tell=print_summary, supervised=hasattr(os, "fork"))
    try:
        serve(settings=settings)
    except PortInUse as error:
        if not (error.free and sys.stdin.isatty() and sys.stderr.isatty()):
            raise
        question = f"Another program listens at port {settings.port}. Use {error.free} instead?"
        if not click.confirm(question, default=True, err=True):
            raise
        serve(settings=msgspec.structs.replace(settings, port=error.free))


def print_summary(address: str, app: App) -> None:
    """Print the URLs."""
    click.secho(f"\nPodium is at {address}\n", bold=True)
    for name in app.deployments:
        click.echo(f"  {name}")
        click.echo(f"    form     {address}/models/{name}")
        click.echo(f"    predict  POST {address}/api/models/{name}/predict")
    click.echo(f"\n  docs       {address}/docs")
    if app.settings.grpc_port is not None:
        click.echo(f"  gRPC       {urlsplit(address).hostname}:{app.settings.grpc_port}")
    if app.settings.records:
        where = without_password(app.settings.store) or Path(app.settings.home) / "podium.db"
        click.echo(f"  records    {where}")
    if app.settings.open:
        click.secho("\nOpen: everybody who reaches this address can use the models.", bold=True)
    if app.settings.welcome:
        click.secho("\nFirst steps\n", bold=True)
        for path, words in app.settings.welcome.items():
            click.echo(f"  {harmless(words)}")
            click.echo(f"    {address}{path}")
    click.echo("\nCtrl-C stops it.")
