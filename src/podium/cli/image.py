"""`podium image`: a container image that serves bundles."""

from __future__ import annotations

import shutil
from pathlib import Path

import click
from rich.console import Console

from podium.errors import SetupError
from podium.image import Image, Recipe, build_image, builder, write_image


@click.command()
@click.argument("bundles", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="The archive to write.")
@click.option("--tag", default="", help="Name and tag; the bundle's name and version by default.")
@click.option("--accounts", is_flag=True, help="People log in.")
@click.option("--open", "open_", is_flag=True, help="Everybody who reaches it may use the models.")
@click.option("--base", default="", help="A folder, an OCI archive or an image to build on.")
@click.option("--config", type=click.Path(path_type=Path), help="Settings in TOML to include.")
@click.option(
    "--builder",
    "by",
    type=click.Choice(["auto", "none", "podman", "docker"]),
    default="auto",
    help="The program that builds it; without one, an archive is written.",
)
@click.option("--extra", "extras", multiple=True, help="An extra to include; can be repeated.")
def image(
    bundles: tuple[Path, ...],
    output: Path | None,
    tag: str,
    accounts: bool,
    open_: bool,
    base: str,
    config: Path | None,
    by: str,
    extras: tuple[str, ...],
) -> None:
    """Build a container image that serves BUNDLES.

    \b
    podium image churn.podium --open
    podium image churn.podium -o churn.oci.tar
    """
    recipe = Recipe(base=base, config=config, extras=extras, accounts=accounts, open=open_, tag=tag)
    program = None if output is not None or by == "none" else _program(by)
    if program is not None:
        tag = build_image(bundles, recipe, program)
        click.echo(f"built {tag}")
        _print_next_steps(program, tag, recipe)
        return
    target = output or Path(f"{bundles[0].stem}.oci.tar")
    print_summary(write_image(bundles, target, recipe), recipe)


def _program(by: str) -> str | None:
    """The requested builder; with `auto`, the first that is running.

    Raises:
        SetupError: it isn't installed.
    """
    program = builder() if by == "auto" else shutil.which(by)
    if program is None and by != "auto":
        raise SetupError(f"{by} isn't installed", hint="--builder none writes an archive")
    return program


def print_summary(written: Image, recipe: Recipe) -> None:
    """Print a summary of the image, and the next steps."""
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"[bold]{written.path}[/bold]  {written.path.stat().st_size / 1e6:,.1f} MB")
    names = ["base"] * (len(written.layers) - 2) + ["packages", "models"]
    for name, layer in zip(names, written.layers, strict=True):
        sizes = f"{layer.n_unpacked_bytes / 1e6:7.1f} MB, {layer.n_bytes / 1e6:6.1f} compressed"
        console.print(f"  {name:<9} {sizes}", markup=False)
    console.print(f"  packages  {len(written.packages)}", markup=False)
    console.print(f"  tag       {written.tag}", markup=False)
    console.print(f"  digest    {written.digest}", markup=False)
    console.print(f"\npodman load -i {written.path}", markup=False)
    _print_next_steps("podman", written.tag, recipe)


def _print_next_steps(program: str, tag: str, recipe: Recipe) -> None:
    is_reachable = recipe.open or recipe.accounts
    allow = "" if is_reachable else " -e PODIUM_OPEN=true"
    run = "run --rm --read-only --tmpfs /tmp -p 127.0.0.1:8000:8000"
    click.echo(f"{Path(program).name} {run}{allow} {tag}")
    if not is_reachable:
        click.echo(
            "PODIUM_OPEN lets everybody who reaches the port use the models; with --accounts people log in."
        )
