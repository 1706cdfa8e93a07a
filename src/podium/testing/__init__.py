"""For tests of Podium, of its extensions, and of whatever is built on it."""

from podium.testing.client import Client
from podium.testing.exporters import ExporterContract
from podium.testing.process import ServerProcess
from podium.testing.runtimes import RuntimeContract
from podium.testing.stores import CountsContract, StoreContract

__all__ = [
    "Client",
    "CountsContract",
    "ExporterContract",
    "RuntimeContract",
    "ServerProcess",
    "StoreContract",
]
