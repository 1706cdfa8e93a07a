"""A signature as TOML, to read and to correct by hand."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from podium.errors import SignatureError
from podium.signature.fields import Field, Output, Signature

# These are measured, not chosen: there is nothing to correct by hand.
_MEASURED = ("quantiles", "missing_share", "dtype", "is_used")


def to_toml(signature: Signature) -> str:
    """The signature as TOML, with what is chosen and without what is measured."""
    fields = [
        {"name": one.name, "type": one.type, "missing": one.missing} | msgspec.to_builtins(one)
        for one in signature.fields
    ]
    outputs = [
        {"name": one.name, "task": one.task} | msgspec.to_builtins(one) for one in signature.outputs
    ]
    return "\n".join(
        [_block("fields", values) for values in fields]
        + [_block("outputs", values) for values in outputs]
    )


def corrected(signature: Signature, corrections: Path | Mapping[str, Any]) -> Signature:
    """The signature with the corrections of a TOML file, or of a mapping of the same form.

    It names fields and outputs, and for each only the changes. The only output needn't be named.

    Raises:
        SignatureError: the file can't be read, a field is unknown, or an attribute is invalid.
    """
    if isinstance(corrections, Path):
        corrections = _read(corrections)
    unknown = sorted(set(corrections) - {"fields", "outputs"})
    if unknown:
        raise SignatureError(
            f"{unknown[0]!r} isn't part of a signature",
            hint="a signature has [[fields]] and [[outputs]]; `podium inspect --toml` prints one",
        )
    fields = {one.name: one for one in signature.fields}
    for change in _tables(corrections, "fields"):
        name = str(change.get("name"))
        if name not in fields:
            raise SignatureError(f"no field is called {name!r}", hint=f"known: {', '.join(fields)}")
        fields[name] = replaced(fields[name], change, Field)
    outputs = list(signature.outputs)
    for change in _tables(corrections, "outputs"):
        at = _output_at(outputs, change)
        outputs[at] = replaced(outputs[at], change, Output)
    return msgspec.structs.replace(signature, fields=tuple(fields.values()), outputs=tuple(outputs))


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise SignatureError(f"{file} can't be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SignatureError(f"{file} isn't valid TOML: {error}") from error


def _tables(corrections: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    tables = corrections.get(key, [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise SignatureError(f"{key} must be tables", hint=f"begin each with [[{key}]]")
    return tables


def _output_at(outputs: list[Output], change: Mapping[str, Any]) -> int:
    if len(outputs) == 1:  # its name may be the correction
        return 0
    names = [one.name for one in outputs]
    if change.get("name") not in names:
        raise SignatureError(
            f"no output is called {change.get('name')!r}", hint=f"known: {', '.join(names)}"
        )
    return names.index(change["name"])


def replaced(one: Any, change: dict[str, Any], kind: type[Any]) -> Any:
    """A field or an output with some of its attributes replaced.

    Args:
        change: values by attribute, as in TOML or JSON; categories may be bare values.

    Raises:
        SignatureError: an attribute is unknown or invalid.
    """
    values = msgspec.to_builtins(one) | change
    if change.get("categories") and not isinstance(change["categories"][0], dict):
        frequencies = {c.value: c.frequency for c in one.categories}
        values["categories"] = [
            {"value": value, "frequency": frequencies.get(value, 0.0)}
            for value in change["categories"]
        ]
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        raise SignatureError(f"{one.name}: {error}") from error


def _block(key: str, values: dict[str, Any]) -> str:
    lines = [f"[[{key}]]"]
    for name, value in values.items():
        if name in _MEASURED:
            continue
        if name == "categories":
            value = [category["value"] for category in value]
        lines.append(f"{name} = {_toml(value)}")
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_toml(one) for one in value)}]"
    if isinstance(value, dict):
        inner = ", ".join(f"{k} = {_toml(v)}" for k, v in value.items() if v is not None)
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, str):
        return _toml_string(value)
    return repr(value)


def _toml_string(text: str) -> str:
    # JSON's string escapes are TOML's too, except that TOML refuses a bare DEL.
    return msgspec.json.encode(text).decode().replace("\x7f", "\\u007F")
