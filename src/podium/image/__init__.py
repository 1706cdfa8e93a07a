"""A container image that serves bundles: by a builder, or as an archive without any daemon."""

from podium.image.build import Image, write_image
from podium.image.dockerfile import build_image, builder
from podium.image.recipe import Recipe

__all__ = ["Image", "Recipe", "build_image", "builder", "write_image"]
