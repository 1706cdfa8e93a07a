"""Our own server: uvicorn on uvloop and httptools."""

from podium.hosts.server.serving import serve

__all__ = ["serve"]
