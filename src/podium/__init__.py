"""From a fitted model to a page, an API and records."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from podium.bundle import Bundle, load
    from podium.client.async_client import AsyncClient
    from podium.client.client import Client
    from podium.deployments.registry import Registry
    from podium.errors import PodiumError
    from podium.evaluation.replay import replay
    from podium.explanations.explain import explain
    from podium.hosts.asgi import App
    from podium.outputs import Outputs
    from podium.packing.announce import pack
    from podium.runtimes.python import model
    from podium.runtimes.survival import SurvivalAt
    from podium.serving import serve
    from podium.signature import Field, Output, Range, Signature

__version__ = "0.1.0"

__all__ = [
    "App",
    "AsyncClient",
    "Bundle",
    "Client",
    "Field",
    "Output",
    "Outputs",
    "PodiumError",
    "Range",
    "Registry",
    "Signature",
    "SurvivalAt",
    "explain",
    "load",
    "model",
    "pack",
    "replay",
    "serve",
]

# Names are imported when they are first used: `import podium` itself costs next to nothing.
_HOMES = {
    "App": "podium.hosts.asgi",
    "AsyncClient": "podium.client.async_client",
    "Bundle": "podium.bundle",
    "Client": "podium.client.client",
    "Field": "podium.signature",
    "Output": "podium.signature",
    "Outputs": "podium.outputs",
    "PodiumError": "podium.errors",
    "Range": "podium.signature",
    "Registry": "podium.deployments.registry",
    "Signature": "podium.signature",
    "SurvivalAt": "podium.runtimes.survival",
    "explain": "podium.explanations.explain",
    "load": "podium.bundle",
    "model": "podium.runtimes.python",
    "pack": "podium.packing.announce",
    "replay": "podium.evaluation.replay",
    "serve": "podium.serving",
}


def __getattr__(name: str) -> object:
    try:
        home = _HOMES[name]
    except KeyError:
        raise AttributeError(f"module 'podium' has no attribute {name!r}") from None
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
