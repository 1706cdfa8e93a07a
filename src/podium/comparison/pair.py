"""Two versions of a model, and what is read of their records."""

from __future__ import annotations

from dataclasses import dataclass, replace

from podium.comparison.evidence import Evidence, independent_evidence, paired_evidence
from podium.comparison.parts import Parts, RowLosses, parts_of
from podium.comparison.samples import ROWS_MAX, Sample, read_sample, read_shadowed
from podium.comparison.segments import SegmentReader
from podium.deployments.registry import Registry
from podium.deployments.rows import Version
from podium.errors import InputError, RegistryError, SetupError
from podium.records.store import Store
from podium.signature import Signature

_EVENTS_READ = 1_000
N_PARTS = 20


@dataclass(frozen=True, slots=True)
class Pair:
    """Two versions of one model.

    Attributes:
        signature_a: None where the bundle of `a` can't be read; its records may still be there.
        signature_b: likewise; one of them is there.
        aliases: of the model, with the digests that they point to.
        shadows: digests of versions that were a shadow at any time.
    """

    a: Version
    b: Version
    signature_a: Signature | None
    signature_b: Signature | None
    aliases: dict[str, str]
    shadows: frozenset[str]

    @property
    def signature(self) -> Signature:
        """That of `b`, or where it can't be read, of `a`."""
        signature = self.signature_b or self.signature_a
        assert signature is not None  # see `pair_of`
        return signature

    @property
    def parts(self) -> Parts:
        """What is compared.

        Raises:
            SetupError: nothing can be: what is right can't be said of the outputs.
        """
        return parts_of(self.signature_a or self.signature, self.signature)

    def aliases_of(self, version: Version) -> tuple[str, ...]:
        """Those that point to one of the two."""
        return tuple(one for one, digest in self.aliases.items() if digest == version.digest)


def pair_of(registry: Registry, model: str, a: str, b: str) -> Pair:
    """Two versions, each by its alias, its name or the beginning of its digest.

    Raises:
        NotFound: there is no such version.
        InputError: both are one version.
        SetupError: they predict different things.
        RegistryError: the registry can't be read, or neither bundle can.
    """
    version_a, version_b = registry.find(model, a), registry.find(model, b)
    if version_a.digest == version_b.digest:
        raise InputError(
            f"{a!r} and {b!r} are the same version of {model}", hint="name two different ones"
        )
    signature_a, signature_b = (_signature(registry, one) for one in (version_a, version_b))
    if signature_a is None and signature_b is None:
        registry.bundle(version_b)  # tells what is wrong with it
    if signature_a is not None and signature_b is not None:
        _check_outputs(model, signature_a, signature_b)
    events = registry.events(model, _EVENTS_READ)
    shadows = frozenset(one.after for one in events if one.action == "shadow")
    aliases = registry.aliases(model)
    return Pair(version_a, version_b, signature_a, signature_b, aliases, shadows)


def _check_outputs(model: str, a: Signature, b: Signature) -> None:
    sets = [{(one.task, one.name) for one in some.outputs} for some in (a, b)]
    if not sets[0] & sets[1]:
        names = [f"{one.output.task} of {one.output.name}" for one in (a, b)]
        raise SetupError(
            f"these versions of {model} can't be compared: one is a {names[0]}, one a {names[1]}",
            hint="compare versions that predict the same",
        )


def _signature(registry: Registry, version: Version) -> Signature | None:
    try:
        return registry.files.signature(version)
    except RegistryError:
        return None


def read_evidence(
    store: Store, pair: Pair, segments: SegmentReader, truths_min: int, since_us: int | None = None
) -> Evidence:
    """What is known of both: of the same rows where that is enough, else of rows of their own.

    Args:
        since_us: leaves out what `b` answered before that moment.

    Raises:
        StoreError: the records can't be read.
    """
    parts, codes = pair.parts, dict[str, dict[str, int]]()
    losses_a = RowLosses(pair.signature_a or pair.signature, parts, codes)
    losses_b = RowLosses(pair.signature, parts, codes)
    a = read_sample(store, pair.a, losses_a, segments)
    b = read_sample(store, pair.b, losses_b, segments, since_us=since_us)
    # Of a version with many more rows, those of the whole time in which the other answered.
    if a.is_cut and not b.is_cut and len(b):
        a = read_sample(store, pair.a, losses_a, segments, **_parts_of(b))
    elif b.is_cut and not a.is_cut and len(a) and since_us is None:
        b = read_sample(store, pair.b, losses_b, segments, **_parts_of(a))
    b_on_a = a_on_b = None
    if pair.b.digest in pair.shadows:
        b_on_a = read_shadowed(store, a, pair.b, losses_b, since_us=since_us)
    if pair.a.digest in pair.shadows:
        a_on_b = read_shadowed(store, b, pair.a, losses_a)
    same, own = paired_evidence(a, b_on_a, b, a_on_b), independent_evidence(a, b)
    chosen = own
    if same is not None and (
        len(same.a) >= truths_min or len(same.a) >= min(len(own.a), len(own.b))
    ):
        chosen = same
    return replace(chosen, notes=(*chosen.notes, *_notes(pair, a, b)))


def _parts_of(sample: Sample) -> dict[str, int]:
    """The time of a sample, in parts."""
    since_us, last_us = int(sample.times.min()), int(sample.times.max())
    return {"since_us": since_us, "until_us": last_us + 1, "n_parts": N_PARTS}


def _notes(pair: Pair, a: Sample, b: Sample) -> list[str]:
    notes = pair.parts.notes
    n_unusable = a.n_unusable + b.n_unusable
    if n_unusable:
        rows = "row was" if n_unusable == 1 else "rows were"
        notes.append(
            f"{n_unusable:,} {rows} left out: the truth can't be compared with the prediction."
        )
    if any(one.has_groups for one in (a, b)):
        notes.append("Rows of one key count together: they don't tell as much as rows of several.")
    if a.is_cut or b.is_cut:
        notes.append(f"There are more truths: at most {ROWS_MAX:,} of each version were read.")
    return notes
