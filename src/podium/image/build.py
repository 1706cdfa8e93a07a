"""From bundles to an image that serves them, without any daemon."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution
from pathlib import Path

from podium.bundle import Bundle
from podium.image.archive import write_archive
from podium.image.bytecode import compile_python
from podium.image.contents import OWNERS, PACKAGES, copy_models, copy_packages
from podium.image.foundation import Base, base_of_interpreter, base_of_path
from podium.image.layer import Blob, write_layer
from podium.image.recipe import (
    Recipe,
    annotations_of,
    bundles_of,
    config_of,
    distributions_of,
    tag_of,
)


@dataclass(frozen=True)
class Image:
    """An image that was written.

    Attributes:
        digest: of its manifest, as in `image@sha256:...`.
        layers: the base's, Podium with its packages, the models.
        packages: those installed in it, with versions.
    """

    path: Path
    tag: str
    digest: str
    layers: tuple[Blob, ...]
    packages: tuple[str, ...]

    @property
    def n_bytes(self) -> int:
        """Its stored size: the compressed layers."""
        return sum(layer.n_bytes for layer in self.layers)

    @property
    def n_unpacked_bytes(self) -> int:
        """Its size when it runs."""
        return sum(layer.n_unpacked_bytes for layer in self.layers)


def write_image(paths: Sequence[Path], target: Path, recipe: Recipe) -> Image:
    """Write an archive with an image that serves these bundles.

    Raises:
        SetupError: something in the recipe is invalid, or an extra isn't installed.
        BundleError: a bundle is invalid.
    """
    bundles = bundles_of(paths, recipe)
    distributions = distributions_of(bundles, recipe)
    packages = tuple(f"{one.metadata['Name']} {one.version}" for one in distributions)
    tag = tag_of(bundles, recipe)
    with tempfile.TemporaryDirectory() as name:
        base, own_layers = _layers(Path(name), bundles, distributions, recipe)
        layers = (*base.layers, *own_layers)
        digest = write_archive(
            target,
            layers=layers,
            config=config_of(bundles, recipe, python=base.python, base=base.config),
            annotations=annotations_of(bundles),
            tag=tag,
        )
    return Image(target, tag, digest, layers, packages)


def _layers(
    scratch: Path, bundles: Sequence[Bundle], distributions: Sequence[Distribution], recipe: Recipe
) -> tuple[Base, tuple[Blob, Blob]]:
    """The base, and the two layers above it: packages, then what changes most often, the models."""
    upper, models = scratch / "packages", scratch / "models"
    extensions = copy_packages(upper, distributions)
    if not recipe.base:
        below = scratch / "base"
        below.mkdir()
        outside = [Path(str(one.locate_file(""))) for one in distributions]
        base = base_of_interpreter(below, extensions, outside)
    else:
        base = base_of_path(Path(recipe.base), scratch)
    compile_python(upper, upper / PACKAGES)
    copy_models(models, bundles, recipe.config, base.python)
    packages = write_layer(upper, scratch / "packages.tar.gz")
    return base, (packages, write_layer(models, scratch / "models.tar.gz", owners=OWNERS))
