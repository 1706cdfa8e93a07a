"""Our own server: uvicorn on uvloop and httptools."""

from podium.hosts.server.serve import serve

__all__ = ["serve"]
