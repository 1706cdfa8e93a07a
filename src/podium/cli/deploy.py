"""`podium deploy`: models on the nodes of a Ray cluster."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from podium.errors import SetupError
from podium.settings import Settings, read_settings

if TYPE_CHECKING:
    from podium.ray import Fleet, ServerState

_READY = ("ready", "degraded")


@click.command()
@click.argument("models", nargs=-1)
@click.option("--ray", is_flag=True, help="On every node of a Ray cluster, and on those that join.")
@click.option("--status", is_flag=True, help="Show the servers that run, and start none.")
@click.option("--stop", is_flag=True, help="Stop the servers, after their requests in progress.")
@click.option("--promote", metavar="FILE", help="Let this version answer, one server at a time.")
@click.option("--note", default="", help="With --promote: why, for the log of changes.")
@click.option("--name", default="podium", show_default=True, help="Of the servers as a whole.")
@click.option("--address", help="Of the cluster, as HOST:PORT; RAY_ADDRESS, or this machine's.")
@click.option(
    "--cpus", type=click.FloatRange(0), help="That a server reserves; as many as workers."
)
@click.option("--port", type=int, help="Of every server; 8000 by default.")
@click.option("--host", help="The address that servers listen at; their node's own by default.")
@click.option("--home", help="The folder on each node, in the user's own unless absolute.")
@click.option("--open", "open_", is_flag=True, default=None, help="Serve everybody.")
@click.option("--accounts", is_flag=True, default=None, help="Let people log in.")
@click.option("--allowed-host", multiple=True, help="A host name of the servers; can be repeated.")
@click.option("--store", help="Where all servers store records, as a URL.")
@click.option("--trust", multiple=True, metavar="sha256:...", help="Allow this pickle to run code.")
@click.option("--workers", type=int, help="Worker processes of each server; 1 by default.")
@click.option("--config", type=click.Path(path_type=Path), help="Settings in TOML.")
def deploy(
    models: tuple[str, ...],
    ray: bool,
    status: bool,
    stop: bool,
    promote: str | None,
    note: str,
    name: str,
    address: str | None,
    cpus: float | None,
    port: int | None,
    host: str | None,
    home: str | None,
    open_: bool | None,
    accounts: bool | None,
    allowed_host: tuple[str, ...],
    store: str | None,
    trust: tuple[str, ...],
    workers: int | None,
    config: Path | None,
) -> int:
    """Serve MODELS on every node of a Ray cluster: a server each, which Ray keeps running.

    \b
    podium deploy --ray churn.podium --open --store postgresql://db/podium
    podium deploy --ray --status
    podium deploy --ray --promote churn-2.podium
    podium deploy --ray --stop
    """
    if not ray:
        raise SetupError("the place to deploy to is missing", hint="podium deploy --ray MODELS")
    if sum(map(bool, (models, status, stop, promote))) > 1:
        raise SetupError("one of MODELS, --status, --stop and --promote at a time")
    if status or stop or promote:
        from podium.ray import running

        return _change(running(name, address=address), promote, note, is_stopped=stop)
    flags = {
        "port": port,
        "host": host,
        "home": home,
        "open": open_,
        "accounts": accounts,
        "allowed_hosts": allowed_host or None,
        "store": store,
        "trust": trust or None,
        "workers": workers,
    }
    return _deploy(models, read_settings(flags, file=config), name, address, cpus)


def _deploy(
    models: tuple[str, ...], settings: Settings, name: str, address: str | None, cpus: float | None
) -> int:
    from podium.ray import fleet

    if not models and not settings.models:
        raise SetupError("there is no model to serve", hint="podium deploy --ray churn.podium")
    started = fleet(*models, name=name, address=address, cpus=cpus, settings=settings)
    states = started.servers()
    _print(states)
    if settings.records and not settings.store:
        click.echo("\nEach server has records of its own; with --store they share a database.")
    return _exit_code(states)


def _change(fleet: Fleet, promoted: str | None, note: str, *, is_stopped: bool) -> int:
    if is_stopped:
        n_servers = len(fleet.servers())
        fleet.stop()
        click.echo(f"{n_servers} server{'s'[: n_servers != 1]} stopped; their homes are left.")
        return 0
    if promoted is not None:
        for address in fleet.promote(promoted, note=note):
            click.echo(f"{address} serves {promoted}")
        return 0
    states = fleet.servers()
    _print(states)
    return _exit_code(states)


def _exit_code(states: list[ServerState]) -> int:
    return 0 if all(one.status in _READY for one in states) else 1


def _print(states: list[ServerState]) -> None:
    from podium.cli.accounts import print_table

    rows = []
    for one in states:
        versions = ", ".join(f"{model} {digest[:12]}" for model, digest in one.versions.items())
        reason = one.reason.partition("\n")[0]
        rows.append((one.address, one.status, one.node[:12], versions, reason))
    print_table(("address", "status", "node", "versions", "reason"), rows)
