"""The address of a bucket of Couchbase, in the terms of its driver."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal, cast, get_args
from urllib.parse import parse_qsl, unquote, urlencode

from podium.errors import SetupError

Durability = Literal["none", "majority", "majority_and_persist_to_active", "persist_to_majority"]
# A majority of the nodes has a write, and the bucket's own node has it on its disk.
DURABLE: Durability = "majority_and_persist_to_active"
SCOPE, COLLECTION = "_default", "podium_record"

_FORM = re.compile(
    r"(?P<scheme>couchbases?)://(?:(?P<user>[^:@/?#]*)(?::(?P<password>[^@/?#]*))?@)?"
    r"(?P<hosts>[^/?#@]+)/(?P<bucket>[^/?#]+)(?:\?(?P<options>[^#]*))?"
)
_NAME = re.compile(r"[A-Za-z0-9_%-]{1,251}")


@dataclass(frozen=True, kw_only=True)
class CouchbaseAddress:
    """Where the records are, and who reads and writes them.

    Attributes:
        connection: the driver's connection string, without the user and the password.
        durability: what a written record must have reached before it counts as written.
        certificate: a file of certificates of authorities to trust, if it is named.
    """

    connection: str
    user: str
    password: str = field(repr=False)
    bucket: str
    scope: str
    collection: str
    durability: Durability
    certificate: str | None

    @property
    def keyspace(self) -> str:
        """As SQL++ names the collection."""
        return ".".join(map(quoted, (self.bucket, self.scope, self.collection)))


def quoted(name: str) -> str:
    """An identifier of SQL++."""
    return f"`{name.replace('`', '``')}`"


def read_address(address: str) -> CouchbaseAddress:
    """Read `couchbase://user:password@host,host/bucket?options`.

    Ours are `scope`, `collection`, `durability` and `certificate`; the driver gets the others.

    Raises:
        SetupError: it is invalid. The message doesn't contain it.
    """
    found = _FORM.fullmatch(address)
    if found is None or not found["user"] or not found["password"]:
        raise SetupError(
            "the URL of the store is invalid",
            hint="write it as couchbase://user:password@host/bucket, with percent-encoding in the "
            "user and the password",
        )
    options = dict(parse_qsl(found["options"] or "", keep_blank_values=True))
    scope, collection = options.pop("scope", SCOPE), options.pop("collection", COLLECTION)
    certificate = options.pop("certificate", None)
    durability = _durability(options)
    for name, value in (("scope", scope), ("collection", collection)):
        if _NAME.fullmatch(value) is None:
            raise SetupError(f"{value!r} is no name of a {name} of Couchbase")
    driver_options = f"?{urlencode(options)}" if options else ""
    return CouchbaseAddress(
        connection=f"{found['scheme']}://{found['hosts']}{driver_options}",
        user=unquote(found["user"]),
        password=unquote(found["password"]),
        bucket=unquote(found["bucket"]),
        scope=scope,
        collection=collection,
        durability=durability,
        certificate=certificate,
    )


def _durability(options: dict[str, str]) -> Durability:
    value = options.pop("durability", DURABLE)
    known = get_args(Durability)
    if value not in known:
        raise SetupError(
            f"{value!r} is no durability of Couchbase", hint=f"one of {', '.join(known)}"
        )
    return cast("Durability", value)
