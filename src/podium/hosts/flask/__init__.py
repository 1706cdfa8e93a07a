"""Podium inside a Flask app: `from podium.hosts.flask import Podium`."""

from podium.hosts.flask.extension import Podium

__all__ = ["Podium"]
