"""The MongoDB server of the tests, with one mistake of its own corrected: `python joining_mongodb.py OPTIONS`.

MongoDB reads a stage such as `{"$project": {"user": {"name": 1}}}` as `{"user.name": 1}`, and
django-mongodb-backend writes every join so. The server of the tests returns the inner document as it
stands instead; the same holds for `$addFields`, by which it sorts.

Source: https://www.mongodb.com/docs/manual/reference/operator/aggregation/project/ (embedded fields)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from podium.testing.databases import MongoServer

STAGES = ("_project_one", "_add_fields_one")


class JoiningMongoServer(MongoServer):
    """A private SecantusDB whose stages reach into what is joined."""

    def _command(self) -> list[str]:
        program, _, _, *options = super()._command()
        return [program, str(Path(__file__)), *options]


def dotted(spec: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The fields of a stage, with a dot where it has a document in a document."""
    for name, value in spec.items():
        if isinstance(value, Mapping) and value and not any(key[:1] == "$" for key in value):
            yield from dotted(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def correct(stage: Callable[..., Any]) -> Callable[..., Any]:
    return lambda document, spec, names: stage(document, dict(dotted(spec)), names)


if __name__ == "__main__":
    from secantus import __main__ as program
    from secantus import aggregate

    for name in STAGES:
        setattr(aggregate, name, correct(getattr(aggregate, name)))
    program.main()
