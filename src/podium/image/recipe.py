"""The options of an image, and its configuration."""

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
    """The content of an image besides the bundles.

    Attributes:
        base: a folder or an image's archive with a Python, or the name of an image for a builder;
            by default the running Python, or Python's own image.
        config: settings in TOML; the image's variables take precedence.
        extras: of Podium, besides those that the bundles need.
        accounts: whether users log in.
        open: whether everybody who reaches the server may use its models.
        tag: the image's name and tag; by default the first bundle's name and version.
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
        SetupError: no bundle was given, or the settings are invalid.
        BundleError: a bundle is invalid.
    """
    bundles = [load(path) for path in paths]
    if not bundles:
        raise SetupError("no bundle was given", hint="podium image churn.podium")
    if recipe.config is not None:
        read_settings(file=recipe.config, environment={})  # find errors now
    return bundles


def tag_of(bundles: Sequence[Bundle], recipe: Recipe) -> str:
    """The image's name and tag."""
    first = bundles[0]
    version = re.sub(r"[^\w.-]+", "-", first.version, flags=re.ASCII).lstrip(".-") or "latest"
    return recipe.tag or f"{first.name.lower()}:{version}"


def distributions_of(bundles: Sequence[Bundle], recipe: Recipe) -> list[Distribution]:
    """The distributions that an image of these bundles needs, as installed here.

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
    """The image's configuration, except for its layers.

    Args:
        python: the path of the interpreter in it.
        base: the base's configuration, whose variables and platform are kept.
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
        "PODIUM_HOST": "0.0.0.0",  # noqa: S104 - inside the container, behind its published port
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
            # Docker's own field; tools that only read the OCI standard have their own probes.
            "Healthcheck": {
                "Test": ["CMD", python, "-c", _PROBE],
                "Interval": 30 * _SECOND_NS,
                "Timeout": 5 * _SECOND_NS,
                "StartPeriod": 10 * _SECOND_NS,
            },
        },
    }


def annotations_of(bundles: Sequence[Bundle]) -> dict[str, str]:
    """Facts about the image that can be read without running it."""
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
