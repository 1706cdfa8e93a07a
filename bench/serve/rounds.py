"""What was measured, and its medians over rounds."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from bench.serve import load, machine, places
from bench.serve.machine import Noise
from bench.serve.options import Options


@dataclass(frozen=True)
class Figure:
    """One number.

    Attributes:
        of: whose, by name.
        what: of what, such as `("a", "64", "per_s")`.
    """

    of: str
    what: tuple[str, ...]
    value: float


@dataclass
class Part:
    """All that a part of the benchmark found.

    Attributes:
        about: what a reader needs beside the figures, such as versions, commands and the machine.
        problems: who couldn't be measured, and why.
    """

    name: str
    about: dict[str, Any] = field(default_factory=dict)
    figures: list[Figure] = field(default_factory=list)
    titles: dict[str, str] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)

    def add(self, of: str, what: Iterable[str], value: float) -> None:
        """Note a figure of one round."""
        self.figures.append(Figure(of, tuple(what), value))

    def note(self, options: Options, noise: Noise) -> None:
        """Keep how it was measured."""
        self.about |= {
            "rounds": options.rounds,
            "seconds": options.seconds,
            "machine": machine.description(),
            "load": load.description(),
            "noise": str(noise),
        }

    def median(self, of: str, *what: str) -> float | None:
        """The median over the rounds; None when there is none."""
        values = [one.value for one in self.figures if one.of == of and one.what == what]
        return statistics.median(values) if values else None

    def measured(self) -> list[str]:
        """Who has figures, in the order of their titles."""
        found = {one.of for one in self.figures}
        return [name for name in self.titles if name in found]

    def kinds(self, at: int) -> list[str]:
        """What stands at this place of `what`, in the order it was measured."""
        return list(dict.fromkeys(one.what[at] for one in self.figures if len(one.what) > at))

    def save(self) -> None:
        """Keep it, so that a report can be written later."""
        places.RESULTS.mkdir(parents=True, exist_ok=True)
        file = places.RESULTS / f"{self.name}.json"
        file.write_text(json.dumps(asdict(self), indent=1), "utf-8")


def load_part(name: str) -> Part | None:
    """What `save` kept; None when there is none."""
    file = places.RESULTS / f"{name}.json"
    if not file.exists():
        return None
    kept = json.loads(file.read_text("utf-8"))
    kept["figures"] = [Figure(x["of"], tuple(x["what"]), x["value"]) for x in kept["figures"]]
    return Part(**kept)
