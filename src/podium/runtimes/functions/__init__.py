"""Typed functions as models: their annotations, arguments and return values."""
