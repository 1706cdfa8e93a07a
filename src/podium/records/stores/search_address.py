"""Addresses of Elasticsearch and OpenSearch: `elasticsearch+https://user:password@host:9200/prefix`."""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from podium.errors import SetupError

PORT = 9200
PREFIX = "podium"
RESPONSE_S = 30.0
SHARDS_MAX, REPLICAS_MAX = 1_024, 16
# Where the key of an API stands: not in an address, which is shown and logged in part.
API_KEY = "ELASTICSEARCH_API_KEY"
# As both servers name indices; the infix leaves no doubt whose an index is.
_PREFIX = re.compile(r"(?!.*-records)[a-z0-9][a-z0-9_.-]{0,99}")
_FINGERPRINT = re.compile(r"(?:[0-9a-f]{2}:?){31}[0-9a-f]{2}", re.IGNORECASE)
_OPTIONS = ("ca_certs", "fingerprint", "replicas", "shards", "timeout")


@dataclass(frozen=True, slots=True)
class SearchAddress:
    """Where a cluster is, and how it is used.

    Attributes:
        hosts: its nodes, such as `https://es1.example.com:9200`.
        shown: the address without secrets, for messages.
        api_key: in place of the user and the password; "" if there is none.
        ca_certs: the file of the certificates that sign the server's; "" for the usual ones.
        fingerprint: the SHA-256 of the server's certificate, checked in place of its signature.
        response_s: how long a request may take.
        n_shards: of each index; None leaves it to the cluster, as with its replicas.
    """

    hosts: tuple[str, ...]
    shown: str
    prefix: str = PREFIX
    user: str = ""
    password: str = field(default="", repr=False)
    api_key: str = field(default="", repr=False)
    ca_certs: str = ""
    fingerprint: str = ""
    response_s: float = RESPONSE_S
    n_shards: int | None = None
    n_replicas: int | None = None

    @property
    def is_encrypted(self) -> bool:
        """Whether it uses TLS."""
        return self.hosts[0].startswith("https")


def address_of(url: str, *, api_key_in: str = "") -> SearchAddress:
    """The parts of an address.

    Args:
        api_key_in: the environment variable that may hold an API key; "" if there are none.

    Raises:
        SetupError: it is invalid.
    """
    scheme, _, rest = url.partition("://")
    name, _, protocol = scheme.partition("+")
    place, _, query = rest.partition("?")
    netloc, _, prefix = place.partition("/")
    credentials, _, nodes = netloc.rpartition("@")
    user, _, password = (unquote(one) for one in credentials.partition(":"))
    options = _options(name, query)
    if protocol not in ("", "http", "https") or "#" in url:
        raise _invalid(name, "the URL of the store is invalid")
    prefix = prefix.strip("/") or PREFIX
    if not _PREFIX.fullmatch(prefix):
        raise _invalid(name, f"indices can't begin with {prefix!r}")
    hosts = tuple(_host(name, protocol or "http", one) for one in nodes.split(","))
    if protocol != "https" and ("ca_certs" in options or "fingerprint" in options):
        raise _invalid(name, "certificates are for connections with TLS only")
    places = ",".join(host.partition("://")[2] for host in hosts)
    return SearchAddress(
        hosts=hosts,
        shown=f"{name}{'+https' if protocol == 'https' else ''}://{places}/{prefix}",
        prefix=prefix,
        user=user,
        password=password,
        api_key="" if user or not api_key_in else os.environ.get(api_key_in, ""),
        ca_certs=options.get("ca_certs", ""),
        fingerprint=options.get("fingerprint", ""),
        response_s=_number(name, options, "timeout", 0.1, 600) or RESPONSE_S,
        n_shards=_count(name, options, "shards", 1, SHARDS_MAX),
        n_replicas=_count(name, options, "replicas", 0, REPLICAS_MAX),
    )


def _options(name: str, query: str) -> dict[str, str]:
    options = dict(parse_qsl(query, keep_blank_values=True))
    if unknown := sorted(options.keys() - set(_OPTIONS)):
        known = f"known: {', '.join(_OPTIONS)}"
        raise _invalid(name, f"the URL of the store has no option {unknown[0]!r}; {known}")
    if "ca_certs" in options and not Path(options["ca_certs"]).is_file():
        raise _invalid(name, f"ca_certs: there is no file {options['ca_certs']!r}")
    if "fingerprint" in options and not _FINGERPRINT.fullmatch(options["fingerprint"]):
        raise _invalid(name, "fingerprint isn't the SHA-256 of a certificate: 64 hex digits")
    return options


def _host(name: str, protocol: str, place: str) -> str:
    try:
        parts = urlsplit(f"//{place}")
        host, port = parts.hostname, parts.port or PORT
    except ValueError:
        host, port = None, 0
    if not host or not port:
        raise _invalid(name, "the URL of the store has no valid host")
    return f"{protocol}://{f'[{host}]' if ':' in host else host}:{port}"


def _number(
    name: str, options: dict[str, str], option: str, least: float, most: float
) -> float | None:
    if option not in options:
        return None
    try:
        number = float(options[option])
    except ValueError:
        number = math.nan
    if not least <= number <= most:
        raise _invalid(name, f"{option} isn't a number from {least:g} to {most:g}")
    return number


def _count(name: str, options: dict[str, str], option: str, least: int, most: int) -> int | None:
    number = _number(name, options, option, least, most)
    if number is not None and not number.is_integer():
        raise _invalid(name, f"{option} isn't a whole number")
    return None if number is None else int(number)


def _invalid(name: str, message: str) -> SetupError:
    # Without the address, which may contain a password.
    return SetupError(message, hint=f"write it as {name}+https://user:password@host:9200/podium")
