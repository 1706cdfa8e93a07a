"""How the accounts are reached: by which host names, from which machines, over HTTPS or not."""

from __future__ import annotations

from urllib.parse import urlsplit

from podium.policy.gate import host_name, is_loopback
from podium.settings import Settings


def is_https(settings: Settings) -> bool:
    """Whether browsers use HTTPS to reach this server, or the proxy before it."""
    return bool(settings.tls_cert) or urlsplit(settings.accounts.url).scheme == "https"


def is_exposed(settings: Settings) -> bool:
    """Whether other machines can reach the accounts."""
    public = urlsplit(settings.accounts.url).hostname or "localhost"
    names = map(host_name, (settings.host, public, *settings.allowed_hosts))
    return not all(map(is_loopback, names))


def hosts(settings: Settings) -> list[str]:
    """The host names that the gate accepts; it has checked them before Django does."""
    public = urlsplit(settings.accounts.url).hostname
    names = ["localhost", "127.0.0.1", "::1", settings.host, *settings.allowed_hosts, public or ""]
    bare = [host_name(name) for name in names if name]
    return list(dict.fromkeys(f"[{name}]" if ":" in name else name for name in bare))


def origin(url: str) -> str:
    """The origin of a URL, as browsers write it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
