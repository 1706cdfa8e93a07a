"""A container image that serves bundles: with a builder, or as an archive without any daemon."""

from podium.image.build import Image, Recipe, write_image

__all__ = ["Image", "Recipe", "write_image"]
