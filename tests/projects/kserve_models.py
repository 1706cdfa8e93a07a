"""Run by the Python that has KServe's client: manifests, checked against the models that it publishes.

    python kserve_models.py FILE ...

Prints a line for each field that KServe, or Kubernetes inside it, doesn't know, or that isn't of its
type. The client itself passes unknown fields over, so it is no check.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import kserve.models
import kubernetes.client.models
import yaml

KINDS = {
    "ClusterServingRuntime": "V1alpha1ClusterServingRuntime",
    "InferenceService": "V1beta1InferenceService",
}
PLAIN = {"str": str, "int": int, "bool": bool, "float": (int, float)}


def problems(value: Any, kind: str, at: str) -> list[str]:
    """What is wrong with a value of one of the client's types, such as `list[V1Container]`."""
    inside = re.fullmatch(r"(list|dict)[\[(](?:str, )?(.+)[\])]", kind)
    if inside:
        is_list = inside[1] == "list"
        if not isinstance(value, list if is_list else dict):
            return [f"{at}: not a {inside[1]}"]
        items = enumerate(value) if is_list else value.items()
        return [one for key, item in items for one in problems(item, inside[2], f"{at}.{key}")]
    if kind in PLAIN:
        return [] if isinstance(value, PLAIN[kind]) else [f"{at}: not a {kind}"]
    model = getattr(kserve.models, kind, None) or getattr(kubernetes.client.models, kind, None)
    if model is None:  # quantities, and whatever else is free
        return []
    return _fields(value, model, at)


def _fields(value: Any, model: Any, at: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{at}: not an object"]
    types = {name: model.openapi_types[key] for key, name in model.attribute_map.items()}
    found = [f"{at}.{name}: unknown" for name in value if name not in types]
    for name in value.keys() & types.keys():
        found += problems(value[name], types[name], f"{at}.{name}")
    try:
        keys = {name: key for key, name in model.attribute_map.items()}
        model(**{keys[name]: part for name, part in value.items() if name in keys})
    except ValueError as error:  # a field that it requires isn't there
        found.append(f"{at}: {error}")
    return found


if __name__ == "__main__":
    for path in sys.argv[1:]:
        document = yaml.safe_load(Path(path).read_text("utf-8"))
        for problem in problems(document, KINDS[document["kind"]], document["kind"]):
            print(problem)
