"""Podium inside a Flask app: `from podium.hosts.flask import Podium`."""

from podium.plugins import needs

with needs("flask"):
    from podium.hosts.flask.extension import Podium

__all__ = ["Podium"]
