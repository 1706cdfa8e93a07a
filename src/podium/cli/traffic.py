"""`podium canary` and `podium shadow`: a version is tried on requests before it is promoted."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

import click

from podium.cli.versions import DIGEST_LETTERS, note_option, with_registry

if TYPE_CHECKING:
    from podium.deployments.registry import Registry
    from podium.deployments.rows import Mode

_SHARE = click.FloatRange(0, 1, min_open=True)
_version = click.argument("version", required=False)
_stop = click.option("--stop", is_flag=True, help="End it: the champion alone answers.")


@click.command()
@click.argument("model")
@_version
@click.option(
    "--share",
    type=_SHARE,
    help="Of the requests, from 0 to 1, such as 0.1.",
)
@click.option("--key", default="", metavar="FIELD", help="Divide by the value of this field.")
@_stop
@note_option
@with_registry
def canary(
    registry: Registry,
    *,
    model: str,
    version: str | None,
    share: float | None,
    key: str,
    stop: bool,
    note: str,
) -> None:
    """Let VERSION answer a share of the requests for MODEL; the champion answers the others.

    Servers that use this home folder follow within a second. VERSION is the challenger where it is
    left out.

    \b
    podium canary churn 2 --share 0.1 --key customer
    podium canary churn --share 0.5 --key customer
    podium canary churn --stop
    """
    if stop:
        _end(registry, model, version, note)
        return
    if share is None:
        raise click.UsageError("The share of the requests is missing: add --share 0.1.")
    _set(registry, model, version, share, "canary", key, note)


@click.command()
@click.argument("model")
@_version
@click.option(
    "--share",
    type=_SHARE,
    default=1.0,
    help="The share of the requests, from 0 to 1; all by default.",
)
@_stop
@note_option
@with_registry
def shadow(
    registry: Registry,
    *,
    model: str,
    version: str | None,
    share: float,
    stop: bool,
    note: str,
) -> None:
    """Let VERSION predict beside the champion of MODEL; what it predicts is recorded only.

    \b
    podium shadow churn 2
    podium shadow churn --stop
    """
    if stop:
        _end(registry, model, version, note)
    else:
        _set(registry, model, version, share, "shadow", "", note)


def _set(
    registry: Registry,
    model: str,
    version: str | None,
    share: float,
    mode: Mode,
    key: str,
    note: str,
) -> None:
    from podium.deployments.rows import CHALLENGER

    rollout = registry.set_traffic(
        model,
        version or CHALLENGER,
        share=share,
        mode=mode,
        key=key,
        actor=getpass.getuser(),
        note=note,
    )
    found = registry.find(model, rollout.digest)
    verb = "answers" if mode == "canary" else "shadows"
    name = f"{model} {found.name} ({found.digest[:DIGEST_LETTERS]})"
    click.echo(f"{name} {verb} {100 * rollout.share:g} % of the requests. To end it:")
    click.echo(f"  podium {mode} {model} --stop")


def _end(registry: Registry, model: str, version: str | None, note: str) -> None:
    if version is not None:
        raise click.UsageError(f"--stop takes no version: podium canary {model} --stop")
    registry.stop(model, actor=getpass.getuser(), note=note)
    click.echo(f"The champion of {model} answers all requests.")
