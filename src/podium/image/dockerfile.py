"""An image by Podman or Docker: its build context, and the command."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from podium.bundle import Bundle
from podium.errors import SetupError
from podium.image.bytecode import compile_python
from podium.image.contents import HOME, PACKAGES, copy_models, copy_packages
from podium.image.interpreter import USER_ID, VERSION
from podium.image.recipe import Recipe, bundles_of, config_of, distributions_of, tag_of

BUILDERS = ("podman", "docker")
# By its name alone: bases have it in one of two folders.
_PYTHON = f"python{VERSION}"
_INFO_S = 20
_BUILD_S = 1_800


def builder() -> str | None:
    """The first builder that is installed and running."""
    for name in BUILDERS:
        program = shutil.which(name)
        if program is not None and _is_running(program):
            return program
    return None


def build_image(paths: Sequence[Path], recipe: Recipe, program: str) -> str:
    """Build the image, and return its tag.

    Args:
        program: the builder's path.

    Raises:
        SetupError: something in the recipe is invalid, or the builder fails.
        BundleError: a bundle is invalid.
    """
    bundles = bundles_of(paths, recipe)
    tag = tag_of(bundles, recipe)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_context(folder, bundles, recipe)
        command = [program, "build", "--tag", tag, str(folder)]
        if Path(program).name == "podman":
            command[2:2] = ["--format", "docker"]  # the other format has no health check
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_BUILD_S, check=False
        )
    if done.returncode != 0:
        raise SetupError(
            f"{Path(program).name} can't build the image: {done.stderr.strip()[-1_000:]}",
            hint="to write an archive without it, use -o NAME.oci.tar",
        )
    return tag


def write_context(folder: Path, bundles: Sequence[Bundle], recipe: Recipe) -> None:
    """Write a Dockerfile, and everything that it copies.

    Raises:
        SetupError: an extra is unknown, a file can't be read, or two bundles have the same name.
    """
    packages, models = folder / "packages", folder / "models"
    copy_packages(packages, distributions_of(bundles, recipe))
    compile_python(packages, packages / PACKAGES)
    copy_models(models, bundles, recipe.config, f"/usr/bin/env {_PYTHON}")
    (models / HOME).rename(folder / "home")
    base = recipe.base or f"python:{VERSION}-slim"
    config = config_of(bundles, recipe, python=_PYTHON, base={})
    (folder / "Dockerfile").write_text(dockerfile(base, config["config"]), "utf-8")


def dockerfile(base: str, config: Mapping[str, Any]) -> str:
    """The text of a Dockerfile for an image with this configuration.

    Args:
        base: the name of an image with a Python of this version.
    """
    variables = [line.split("=", 1) for line in config["Env"]]
    lines = [
        f"FROM {base}",
        "COPY packages/ /",
        "COPY models/ /",
        f"COPY --chown={USER_ID}:{USER_ID} home/ /{HOME}/",
        *(f"ENV {name}={json.dumps(value)}" for name, value in variables),
        *(f"LABEL {name}={json.dumps(value)}" for name, value in config["Labels"].items()),
        f"WORKDIR {config['WorkingDir']}",
        *(f"EXPOSE {port}" for port in config["ExposedPorts"]),
        *(f"VOLUME {path}" for path in config["Volumes"]),
        f"STOPSIGNAL {config['StopSignal']}",
        f"HEALTHCHECK --start-period=10s CMD {json.dumps(config['Healthcheck']['Test'][1:])}",
        f"USER {config['User']}",
        f"ENTRYPOINT {json.dumps(config['Entrypoint'])}",
        "CMD []",
    ]
    return "\n".join(lines) + "\n"


def _is_running(program: str) -> bool:
    try:
        done = subprocess.run([program, "info"], capture_output=True, timeout=_INFO_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
