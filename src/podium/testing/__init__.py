"""For tests of Podium, of its extensions, and of whatever is built on it."""

from podium.testing.client import Client
from podium.testing.process import ServerProcess

__all__ = ["Client", "ServerProcess"]
