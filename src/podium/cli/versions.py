"""`podium versions`, `register`, `promote` and `rollback`: which version of a model answers."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from podium.errors import NotFound
from podium.settings import read_settings

if TYPE_CHECKING:
    from podium.deployments.registry import Registry
    from podium.deployments.rows import Version

DIGEST_LETTERS = 12
KEPT = 5


def with_registry(command: Callable[..., None]) -> Callable[..., None]:
    """A command that is given the registry of a home folder."""

    @click.option("--home", help="The home folder of the server; ./podium-home when left out.")
    @click.option("--config", type=click.Path(path_type=Path), help="Settings in TOML.")
    @wraps(command)
    def run(*, home: str | None, config: Path | None, **options: Any) -> None:
        from podium.deployments.registry import Registry

        settings = read_settings({"home": home}, file=config)
        click.get_current_context().obj = settings
        command(Registry(settings.registry_folder, settings.trust), **options)

    return run


note_option = click.option("--note", default="", help="Why, for the log of changes.")
_expect = click.option(
    "--expect", metavar="VERSION", help="Change nothing unless this version answers now."
)


@click.command()
@click.argument("model", required=False)
@click.option("--prune", is_flag=True, help="Remove the bundles of old versions.")
@click.option(
    "--keep",
    type=click.IntRange(0),
    default=KEPT,
    show_default=True,
    help="With --prune: how many of the newest that have no alias stay.",
)
@with_registry
def versions(registry: Registry, *, model: str | None, prune: bool, keep: int) -> None:
    """Show the versions of MODEL, or of all models, and what happened to them.

    With --prune, remove bundles that no alias points to; records that name them stay.
    """
    models = registry.models()
    if not models:
        click.echo("No version is registered yet: podium serve and podium register do it.")
    if model and models:
        if model not in models:
            raise NotFound(f"no model is called {model!r}", hint=f"known: {', '.join(models)}")
        models = [model]
    if prune:
        _prune(registry, models, keep)
        return
    for one in models:
        aliases: dict[str, str] = {}
        for alias, digest in sorted(registry.aliases(one).items()):
            aliases[digest] = f"{aliases[digest]}, {alias}" if digest in aliases else alias
        click.secho(one, bold=True)
        for version in registry.versions(one):
            alias = aliases.get(version.digest, "")
            click.echo(f"  {alias:<9} {_shown(version)}  {_time(version.time_us)}")
    names = {one.digest: one.name for one in registry.versions(model)} if model else {}
    for event in registry.events(model) if model else ():
        both = (names.get(digest) for digest in (event.before, event.after))
        what = " -> ".join(name for name in both if name)
        reason = f": {event.note}" if event.note else ""
        by = f" by {event.actor}" if event.actor else ""
        click.echo(f"  {_time(event.time_us)} {event.action} {what}{by}{reason}")


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@note_option
@with_registry
def register(registry: Registry, *, file: Path, note: str) -> None:
    """Copy the bundle FILE into the home folder, as a version that can be promoted."""
    from podium.bundle import load

    bundle = load(file)
    registry.check(bundle)
    version = registry.register(bundle, actor=getpass.getuser(), note=note)
    _audit("version_registered", version)
    click.echo(f"{version.model} {_shown(version)} is registered. To serve it:")
    click.echo(f"  podium promote {version.model} {version.digest[:DIGEST_LETTERS]}")


@click.command()
@click.argument("model")
@click.argument("version")
@note_option
@_expect
@click.option("--force", is_flag=True, help="Even if promotion gates refuse it; needs a note.")
@with_registry
def promote(
    registry: Registry, *, model: str, version: str, note: str, expect: str | None, force: bool
) -> None:
    """Let VERSION, a name or the beginning of a digest, answer for MODEL.

    Servers that use this home folder follow within a second, without losing a request. The challenger
    is promoted only if no promotion gate refuses it: see podium compare.
    """
    from podium.cli.promotion import permitted

    expected = _digest(registry, model, expect)
    champion = registry.aliases(model).get("champion")
    settings = click.get_current_context().obj
    details = permitted(settings, registry, model, version, note, is_forced=force)
    new = registry.promote(
        model,
        version,
        actor=getpass.getuser(),
        note=note,
        expected=champion if details and expected is None else expected,
        details=details,
    )
    _audit("version_promoted", new)
    click.echo(f"{model} {_shown(new)} is the champion now. To go back:")
    click.echo(f"  podium rollback {model}")


@click.command()
@click.argument("model")
@note_option
@_expect
@with_registry
def rollback(registry: Registry, *, model: str, note: str, expect: str | None) -> None:
    """Let the previous version of MODEL answer again."""
    expected = _digest(registry, model, expect)
    version = registry.rollback(model, actor=getpass.getuser(), note=note, expected=expected)
    _audit("version_rolled_back", version)
    click.echo(f"{model} {_shown(version)} is the champion again.")


def _prune(registry: Registry, models: list[str], keep: int) -> None:
    for model in models:
        old = registry.prune(model, keep=keep, actor=getpass.getuser())
        for version in old:
            _audit("version_pruned", version)
            click.echo(f"{model} {_shown(version)} is removed.")
        if not old:
            click.echo(f"{model}: nothing to remove.")
    n_left = registry.sweep()
    if n_left:
        click.echo(f"{n_left} files are removed that processes left behind when they were killed.")


def _audit(event: str, version: Version) -> None:
    """Write to the audit log, where there are accounts; the registry keeps a log of its own."""
    from podium.cli.record_deletion import audit_of

    context = click.get_current_context()
    details = {"model": version.model, "version": version.name, "digest": version.digest}
    details["user"] = getpass.getuser()
    audit_of(context.obj, f"podium {context.info_name}")(event, details)


def _digest(registry: Registry, model: str, expect: str | None) -> str | None:
    return None if expect is None else registry.find(model, expect).digest


def _shown(version: Version) -> str:
    return f"{version.name} ({version.digest[:DIGEST_LETTERS]})"


def _time(time_us: int) -> str:
    from podium.records.export import time_text

    return time_text(time_us)[:16].replace("T", " ") + " UTC"
