"""Whether a version of a model accepts everything that another accepts, with the same outputs."""

from __future__ import annotations

from podium.signature.fields import Field, Output, Signature

# The types as which a value may be read besides its own, without changing it.
_WIDER = {("integer", "float"), ("category", "text"), ("date", "datetime")}


def incompatibility(now: Signature, new: Signature) -> str:
    """Why a signature can't replace another for its callers; "" if it can.

    A category that the new version doesn't know is acceptable if unknown ones pass.
    """
    fields = {one.name: one for one in now.fields}
    for one in new.fields:
        if one.name not in fields and one.is_required:
            return f"it requires the field {one.name!r}, which isn't sent now"
    new_fields = {one.name: one for one in new.fields}
    for one in now.fields:
        other = new_fields.get(one.name)
        if other is None:
            return f"it has no field {one.name!r}"
        if reason := _narrower(one, other):
            return f"its field {one.name!r} {reason}"
    return _other_outputs(now.outputs, new.outputs)


def _narrower(now: Field, new: Field) -> str:
    """Why a field refuses values that it accepted before."""
    if now.type != new.type and (now.type, new.type) not in _WIDER:
        return f"is a {new.type}, not a {now.type}"
    if new.missing == "refuse" and now.missing != "refuse":
        return "refuses missing values"
    if new.is_required and not now.is_required:
        return "can't be left out"
    if new.type == "category" and new.unknown == "refuse":
        lost = [label for label in now.labels if label not in new.labels]
        if lost or now.unknown != "refuse":
            return f"doesn't know {lost[0]!r}" if lost else "refuses unknown categories"
    return _narrower_range(now, new)


def _narrower_range(now: Field, new: Field) -> str:
    if new.outside == "refuse" and now.outside != "refuse":
        return "refuses values outside of the range it was trained on"
    if new.max_length < now.max_length:
        return f"takes {new.max_length} characters at most, not {now.max_length}"
    for name in ("minimum", "maximum"):
        before, after = getattr(now.bounds, name), getattr(new.bounds, name)
        is_less = after is not None and (
            before is None or (after > before if name == "minimum" else after < before)
        )
        if is_less:
            return f"has {after} as its {name}"
    return ""


def _other_outputs(now: tuple[Output, ...], new: tuple[Output, ...]) -> str:
    if [one.name for one in now] != [one.name for one in new]:
        names = ", ".join(one.name for one in new)
        return f"it predicts {names} instead of {', '.join(one.name for one in now)}"
    for before, after in zip(now, new, strict=True):
        if before.task != after.task:
            return f"it is a model of {after.task}, not of {before.task}"
        if before.has_probabilities and not after.has_probabilities:
            return f"it gives no probabilities of {after.name}"
        if before.has_distances and not after.has_distances:
            return "it gives no distances to its clusters"
    return ""
