"""What is asked of an image, and what the image says of itself."""

from __future__ import annotations

import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution
from pathlib import Path
from typing import Any

from podium.bundle import Bundle, load
from podium.bundle.libraries import packages_in
from podium.errors import SetupError
from podium.image.contents import COMMAND, CONFIG, HOME, MODELS, PACKAGES
from podium.image.distributions import check_extras, needed_distributions
from podium.image.interpreter import USER_ID
from podium.settings import read_settings

PORT = 8_000
_MACHINES = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
_PROBE = f"import urllib.request as r; r.urlopen('http://127.0.0.1:{PORT}/readyz', timeout=3)"
_SECOND_NS = 10**9


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What goes into an image besides the bundles.

    Attributes:
        base: a folder or an image's archive with a Python, or the name of an image where a builder
            makes it; the running Python, or Python's own image, when left out.
        config: settings in TOML; the image's variables win over it.
        extras: of Podium, besides those that the bundles need.
        accounts: people log in.
        open: whoever reaches the server may use its models.
        tag: the image's name and tag; the first bundle's name and version when left out.
    """

    base: str = ""
    config: Path | None = None
    extras: tuple[str, ...] = ()
    accounts: bool = False
    open: bool = False
    tag: str = ""


def bundles_of(paths: Sequence[Path], recipe: Recipe) -> list[Bundle]:
    """The bundles, after checking that they fit into an image.

    Raises:
        SetupError: no bundle was given, or the settings can't be used.
        BundleError: a bundle can't be used.
    """
    bundles = [load(path) for path in paths]
    if not bundles:
        raise SetupError("no bundle was given", hint="podium image churn.podium")
    if recipe.config is not None:
        read_settings(file=recipe.config, environment={})  # a wrong one is found here, not there
    return bundles


def tag_of(bundles: Sequence[Bundle], recipe: Recipe) -> str:
    """The image's name and tag."""
    first = bundles[0]
    version = re.sub(r"[^\w.-]+", "-", first.version, flags=re.ASCII).lstrip(".-") or "latest"
    return recipe.tag or f"{first.name.lower()}:{version}"


def distributions_of(bundles: Sequence[Bundle], recipe: Recipe) -> list[Distribution]:
    """What an image of these bundles needs, as it is installed here.

    Raises:
        MissingExtra: some of it isn't installed.
        SetupError: there is no such extra.
    """
    packages = {name for bundle in bundles for name in packages_in(bundle.options)}
    return needed_distributions(extras_of(bundles, recipe), packages)


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


def config_of(
    bundles: Sequence[Bundle], recipe: Recipe, *, python: str, base: Mapping[str, Any]
) -> dict[str, Any]:
    """The image's configuration, but for its layers.

    Args:
        python: the interpreter in it.
        base: the configuration of what it stands on, whose variables and platform stay.
    """
    below = base.get("config") or {}
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
        "architecture": base.get("architecture") or _architecture(),
        "os": "linux",
        "config": {
            "User": f"{USER_ID}:{USER_ID}",
            "WorkingDir": f"/{Path(CONFIG).parent}",
            "Entrypoint": [Path(COMMAND).name, "serve"],
            "Env": [f"{name}={value}" for name, value in variables.items()],
            "ExposedPorts": {f"{PORT}/tcp": {}},
            "Volumes": {f"/{HOME}": {}},
            "StopSignal": "SIGTERM",
            "Labels": annotations_of(bundles),
            # Docker's own field; who reads only the standard's has its own probes.
            "Healthcheck": {
                "Test": ["CMD", python, "-c", _PROBE],
                "Interval": 30 * _SECOND_NS,
                "Timeout": 5 * _SECOND_NS,
                "StartPeriod": 10 * _SECOND_NS,
            },
        },
    }


def annotations_of(bundles: Sequence[Bundle]) -> dict[str, str]:
    """What is known of the image without running it."""
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
