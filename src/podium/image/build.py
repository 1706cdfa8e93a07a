"""From bundles to an image that serves them, without any daemon."""

from __future__ import annotations

import platform
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from podium.bundle import Bundle, load
from podium.errors import SetupError
from podium.image.archive import write_archive
from podium.image.bytecode import compile_python
from podium.image.contents import (
    COMMAND,
    CONFIG,
    HOME,
    MODELS,
    OWNERS,
    PACKAGES,
    copy_models,
    copy_packages,
)
from podium.image.distributions import check_extras, needed_distributions
from podium.image.foundation import Base, base_of_interpreter, base_of_path
from podium.image.interpreter import USER_ID
from podium.image.layer import Blob, write_layer
from podium.settings import read_settings

PORT = 8_000
_MACHINES = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
_ASK = f"import urllib.request as r; r.urlopen('http://127.0.0.1:{PORT}/readyz', timeout=3)"
_SECOND_NS = 10**9


@dataclass(frozen=True)
class Image:
    """An image that was written.

    Attributes:
        digest: of its manifest: what `image@sha256:...` names.
        layers: the base's, Podium with its packages, the models.
        packages: what is installed in it, with versions.
    """

    path: Path
    tag: str
    digest: str
    layers: tuple[Blob, ...]
    packages: tuple[str, ...]

    @property
    def n_bytes(self) -> int:
        """What is stored and sent: the layers, compressed."""
        return sum(layer.n_bytes for layer in self.layers)

    @property
    def n_unpacked_bytes(self) -> int:
        """What it takes where it runs."""
        return sum(layer.n_unpacked_bytes for layer in self.layers)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What goes into an image besides the bundles.

    Attributes:
        base: a folder or an image's archive with a Python; the running Python when None.
        config: settings in TOML; the image's variables win over it.
        extras: of Podium, besides those that the bundles need.
        accounts: people log in.
        open: whoever reaches the server may use its models.
        tag: the image's name and tag; the first bundle's name and version when left out.
    """

    base: Path | None = None
    config: Path | None = None
    extras: tuple[str, ...] = ()
    accounts: bool = False
    open: bool = False
    tag: str = ""


def write_image(paths: Sequence[Path], target: Path, recipe: Recipe) -> Image:
    """Write an archive with an image that serves these bundles.

    Raises:
        SetupError: something in the recipe can't be used, or an extra isn't installed.
        BundleError: a bundle can't be used.
    """
    bundles = [load(path) for path in paths]
    if not bundles:
        raise SetupError("no bundle is named", hint="podium image churn.podium")
    extras = extras_of(bundles, recipe)
    packages = tuple(
        f"{one.metadata['Name']} {one.version}" for one in needed_distributions(extras)
    )
    if recipe.config is not None:
        read_settings(file=recipe.config, environment={})  # a wrong one is found here, not there
    tag = recipe.tag or f"{bundles[0].name}:{bundles[0].version}"
    with tempfile.TemporaryDirectory() as name:
        base, own = _layers(Path(name), bundles, extras, recipe)
        layers = (*base.layers, *own)
        digest = write_archive(
            target,
            layers=layers,
            config=_config(base, bundles, recipe),
            annotations=_annotations(bundles),
            tag=tag,
        )
    return Image(target, tag, digest, layers, packages)


def extras_of(bundles: Sequence[Bundle], recipe: Recipe) -> tuple[str, ...]:
    """The extras of Podium that an image of these bundles needs.

    Raises:
        SetupError: there is no such extra.
    """
    accounts = ("accounts",) if recipe.accounts else ()
    needed = [extra for bundle in bundles for extra in bundle.requires]
    extras = tuple(sorted({*needed, *recipe.extras, *accounts}))
    check_extras(extras)
    return extras


def _layers(
    scratch: Path, bundles: Sequence[Bundle], extras: Sequence[str], recipe: Recipe
) -> tuple[Base, tuple[Blob, Blob]]:
    """The base, and the two layers above it: packages, then what changes most, the models."""
    upper, models = scratch / "packages", scratch / "models"
    extensions = copy_packages(upper, extras)
    if recipe.base is None:
        below = scratch / "base"
        below.mkdir()
        outside = [Path(str(one.locate_file(""))) for one in needed_distributions(extras)]
        base = base_of_interpreter(below, extensions, outside)
    else:
        base = base_of_path(recipe.base, scratch)
    compile_python(upper, upper / PACKAGES)
    copy_models(models, bundles, recipe.config, base.python)
    packages = write_layer(upper, scratch / "packages.tar.gz")
    return base, (packages, write_layer(models, scratch / "models.tar.gz", owners=OWNERS))


def _config(base: Base, bundles: Sequence[Bundle], recipe: Recipe) -> dict[str, Any]:
    """The image's configuration: the base's own, with our user, command and variables."""
    below: dict[str, Any] = base.config.get("config") or {}
    variables = dict(line.split("=", 1) for line in below.get("Env") or ())
    path = variables.get("PATH", "/usr/local/bin:/usr/bin:/bin")
    variables |= {
        "PATH": f"/{Path(COMMAND).parent}:{path}",
        "PYTHONPATH": f"/{PACKAGES}",
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": f"/{HOME}",
        "LANG": "C.UTF-8",
        "PODIUM_MODELS": f"/{MODELS}",
        "PODIUM_HOME": f"/{HOME}",
        "PODIUM_HOST": "0.0.0.0",  # noqa: S104 - of the container, behind what it publishes
        "PODIUM_PORT": str(PORT),
    }
    variables |= {"PODIUM_OPEN": "true"} if recipe.open else {}
    variables |= {"PODIUM_ACCOUNTS": "true"} if recipe.accounts else {}
    return {
        "created": bundles[0].card.created,
        "architecture": base.config.get("architecture") or _architecture(),
        "os": "linux",
        "config": {
            "User": f"{USER_ID}:{USER_ID}",
            "WorkingDir": f"/{Path(CONFIG).parent}",
            "Entrypoint": [Path(COMMAND).name, "serve"],
            "Env": [f"{name}={value}" for name, value in variables.items()],
            "ExposedPorts": {f"{PORT}/tcp": {}},
            "Volumes": {f"/{HOME}": {}},
            "StopSignal": "SIGTERM",
            "Labels": _annotations(bundles),
            # Docker's own field; who reads only the standard's has its own probes.
            "Healthcheck": {
                "Test": ["CMD", base.python, "-c", _ASK],
                "Interval": 30 * _SECOND_NS,
                "Timeout": 5 * _SECOND_NS,
                "StartPeriod": 10 * _SECOND_NS,
            },
        },
    }


def _annotations(bundles: Sequence[Bundle]) -> dict[str, str]:
    first = bundles[0]
    return {
        "org.opencontainers.image.title": first.name,
        "org.opencontainers.image.version": first.version,
        "org.opencontainers.image.created": first.card.created,
        "podium.bundles": ",".join(f"{one.name}@sha256:{one.digest}" for one in bundles),
        "podium.health": "/readyz",
    }


def _architecture() -> str:
    machine = platform.machine()
    return _MACHINES.get(machine, machine)
