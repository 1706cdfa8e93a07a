"""The command line: `podium pack | serve | inspect | predict | score | demo | version`."""

from podium.cli.main import main

__all__ = ["main"]
