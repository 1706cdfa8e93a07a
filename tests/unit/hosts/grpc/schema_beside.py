"""Our messages beside those of another client, in one process: run with the other's Python.

Arguments: the other's module, and which of the two is imported first. It prints where fields differ.
"""

from __future__ import annotations

import importlib
import json
import sys


def field_of(one):
    target = one.message_type or one.enum_type
    return one.name, one.number, one.type, one.is_repeated, target.full_name if target else ""


def ours():
    from podium.hosts.grpc.schema import messages

    return {name: found.DESCRIPTOR for name, found in messages().items()}


def theirs(module):
    names = [module, *(["tritonclient.grpc.model_config_pb2"] if "triton" in module else [])]
    files = [importlib.import_module(one).DESCRIPTOR for one in names]
    return {name: one for file in files for name, one in file.message_types_by_name.items()}


def flat(found, before=""):
    for name, one in found.items():
        yield before + name, one
        yield from flat(one.nested_types_by_name, f"{before}{name}.")


def differences(mine, other):
    for name, one in mine.items():
        known = other.get(name)
        if known is None:
            yield name, "isn't known"
            continue
        fields = {field_of(field) for field in known.fields}
        for field in one.fields:
            if field_of(field) not in fields:
                yield name, field.name


module, first = sys.argv[1:]
mine = ours() if first == "ours" else {}
other = dict(flat(theirs(module)))
found = differences(mine or ours(), other)
print(json.dumps(sorted(found)))
