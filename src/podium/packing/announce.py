"""`podium.pack` in a script: prints where the file is and what to do next, if a person reads it."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from podium.bundle.bundle import Bundle
from podium.packing.pack import pack as quiet_pack
from podium.packing.stages import terminal
from podium.signature import Signature
from podium.signature.units import proposed_units

# So many units are listed.
UNITS_MAX = 6
P = ParamSpec("P")


def _announced(pack: Callable[P, Bundle]) -> Callable[P, Bundle]:
    @wraps(pack)
    def announced(*args: P.args, **kwargs: P.kwargs) -> Bundle:
        bundle, stream = pack(*args, **kwargs), terminal()
        if stream is not None:
            stream.write(announcement(bundle))
            stream.flush()
        return bundle

    return announced


pack = _announced(quiet_pack)


def announcement(bundle: Bundle) -> str:
    """Where the file is, and the commands to inspect and serve it."""
    file = shlex.quote(str(bundle.path))
    digest = bundle.options.get("sha256") if bundle.runtime_name == "pickle" else None
    trust = f" --trust sha256:{digest}" if digest else ""
    size = 0 if bundle.path is None else bundle.path.stat().st_size
    lines = [f"packed {file}, {size / 1024:,.0f} KiB"]
    if bundle.card.metrics_on == "training":
        lines.append(
            "  measured on the rows it was trained on: to know what to expect, give "
            "holdout=(X_test, y_test), or cv=5"
        )
    if units := listed_units(bundle.signature):
        lines.append(f"  units from names: {units}; signature= corrects them")
    lines += [f"  podium inspect {file}", f"  podium serve {file}{trust}"]
    return "\n".join(lines) + "\n"


def listed_units(signature: Signature) -> str:
    """The units that names of columns told, for people; "" if there are none."""
    units = proposed_units(signature)
    more = f" and {len(units) - UNITS_MAX:,} more" if len(units) > UNITS_MAX else ""
    return f"{', '.join(units[:UNITS_MAX])}{more}"
