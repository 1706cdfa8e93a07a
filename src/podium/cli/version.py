"""`podium version`: the installed versions."""

from __future__ import annotations

import platform
from importlib import metadata

import click

from podium.distribution import version as version_of_podium
from podium.program import kernel_name

# What determines the abilities of this installation: the core's parts, then the extras'.
PARTS = ("numpy", "msgspec", "uvicorn", "apsw")
EXTRAS = ("scikit-learn", "skops", "onnxruntime", "pandas", "polars", "pyarrow")


@click.command()
def version() -> None:
    """Print the versions of Podium and of its libraries."""
    click.echo(f"podium {version_of_podium()}")
    click.echo(f"python {platform.python_version()} on {platform.system()} {platform.machine()}")
    words = {"c": "C", "numpy": "numpy, since there was no compiler when Podium was installed"}
    click.echo(f"forest kernel in {words[kernel_name()]}")
    for name in (*PARTS, *EXTRAS):
        try:
            click.echo(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            click.echo(f"{name} not installed")
