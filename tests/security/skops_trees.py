"""Trees of skops files that would run code, or end the process, if they were built."""

from __future__ import annotations

import copy
import io
import json
import random
import zipfile
from collections.abc import Iterator
from typing import Any

# (module, class): what somebody would like to reach. `canary` is a module of the tests' own, which
# notes that it was imported.
GADGETS = [
    ("builtins", "exec"),
    ("builtins", "eval"),
    ("builtins", "__import__"),
    ("builtins", "open"),
    ("builtins", "getattr"),
    ("builtins", "map"),
    ("canary", "fire"),
    ("canary", "Bird"),
    ("os", "system"),
    ("posix", "system"),
    ("subprocess", "Popen"),
    ("importlib", "import_module"),
    ("pickle", "loads"),
    ("joblib.numpy_pickle", "load"),
    ("joblib.memory", "Memory"),
    ("functools", "partial"),
    ("functools", "reduce"),
    ("operator", "methodcaller"),
    ("operator", "attrgetter"),
    ("types", "FunctionType"),
    ("numpy", "load"),
    ("numpy", "fromfile"),
    ("numpy", "memmap"),
    ("numpy", "save"),
    ("numpy.lib._npyio_impl", "NpzFile"),
    ("numpy.random", "seed"),
    ("scipy.stats._distn_infrastructure", "rv_frozen"),
    ("scipy.stats._continuous_distns", "norm_gen"),
    ("sklearn._loss._loss", "__builtins__"),
    ("sklearn._loss._loss", "__pyx_unpickle_CyLossFunction"),
    ("sklearn._loss.link", "np"),
    ("sklearn._loss.tests.test_loss", "pickle"),
    ("sklearn.calibration", "Parallel"),
    ("sklearn.calibration", "check_array"),
    ("sklearn.compose._column_transformer", "make_column_selector"),
    ("sklearn.datasets._openml", "fetch_openml"),
    ("sklearn.ensemble._hist_gradient_boosting.tests.test_gradient_boosting", "pickle"),
    ("sklearn.gaussian_process.kernels", "__builtins__"),
    ("sklearn.gaussian_process.kernels", "Kernel"),
    ("sklearn.metrics._dist_metrics", "PyFuncDistance64"),
    ("sklearn.metrics._dist_metrics", "__loader__"),
    ("sklearn.tree._tree", "__builtins__"),
    ("sklearn.utils", "Bunch"),
    ("sklearn.utils._joblib", "joblib"),
    ("sklearn.externals.array_api_compat", "numpy"),
    ("zoneinfo", "ZoneInfo"),
]


def node(kind: str, module: str, name: str, **more: Any) -> dict[str, Any]:
    """One node of a tree."""
    return {"__loader__": kind, "__module__": module, "__class__": name, **more}


def value(one: Any) -> dict[str, Any]:
    """A plain value."""
    return node("JsonNode", "builtins", "str", content=json.dumps(one), is_json=True)


def listed(*nodes: Any, kind: str = "list") -> dict[str, Any]:
    """A list or tuple of nodes."""
    return node(f"{kind.capitalize()}Node", "builtins", kind, content=list(nodes))


def mapped(content: dict[str, Any], key: dict[str, Any] | None = None) -> dict[str, Any]:
    """A dict of nodes, whose keys are of one type."""
    keys = listed(*[key or node("TypeNode", "builtins", "str") for _ in content])
    return node("DictNode", "builtins", "dict", content=content, key_types=keys)


def method(module: str, name: str, function: str) -> dict[str, Any]:
    """What `module.name.function` is."""
    owner = node("TypeNode", module, name)
    return node("MethodNode", module, name, content={"obj": owner, "func": function})


def of_kind(kind: str, module: str, name: str, inner: Any) -> dict[str, Any]:
    """A node of any kind that skops knows, naming this class, around another node."""
    arguments = listed(inner, kind="tuple")
    content: dict[str, Any] = {
        "ConstructorFromReduceNode": {"content": arguments},
        "DTypeNode": {"content": inner},
        "DefaultDictNode": {"content": {"main": mapped({}), "default_factory": inner}},
        "DictNode": {"content": {"1": value(1)}, "key_types": listed(inner)},
        "FunctionNode": {"content": {"module_path": module, "function": name}},
        "JsonNode": {"content": "[1]"},
        "MaskedArrayNode": {"content": {"data": inner, "mask": inner}},
        "MethodNode": {"content": {"obj": inner, "func": "__class__"}},
        "NdArrayNode": {"type": "json", "content": [inner], "shape": arguments},
        "ObjectNode": {"content": inner},
        "OperatorFuncNode": {"attrs": arguments},
        "PartialNode": {
            "content": {
                "func": inner,
                "args": arguments,
                "kwds": mapped({}),
                "namespace": mapped({}),
            }
        },
        "RandomGeneratorNode": {
            "content": {"bit_generator": mapped({"bit_generator": value(name)}), "seed_seq": inner}
        },
        "SliceNode": {"content": {"start": 1, "stop": "x", "step": inner}},
        "SparseMatrixNode": {"type": "scipy", "file": "1.npz"},
        "BytesNode": {"file": "1.npy"},
        "BytearrayNode": {"file": "1.npy"},
        "TypeNode": {},
        "CachedNode": {"__id__": 1},
    }.get(kind, {"content": [inner], "__reduce__": {"args": arguments}})
    return node(kind, module, name, **content)


def dumped(estimator: Any) -> bytes:
    """The skops file of an estimator."""
    import skops.io  # here: it loads PyTorch, and every run collects this file

    return skops.io.dumps(estimator)


def unpacked(content: bytes) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The tree of a skops file, and its other members."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    return json.loads(members.pop("schema.json")), members


def packed(schema: Any, members: dict[str, bytes], packing: int = zipfile.ZIP_STORED) -> bytes:
    """A skops file of a tree."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression=packing) as archive:
        for name, content in {**members, "schema.json": json.dumps(schema)}.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def with_attribute(estimator: Any, inner: Any, name: str = "extra_") -> bytes:
    """The skops file of an estimator that has one more attribute."""
    schema, members = unpacked(dumped(estimator))
    schema["content"]["content"][name] = inner
    schema["content"]["key_types"]["content"].append(node("TypeNode", "builtins", "str"))
    return packed(schema, members)


def places(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a tree where a node stands: the object and the key, or list and index."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree)
    for key, one in list(items):
        if isinstance(one, dict) and "__loader__" in one:
            yield tree, key
        if isinstance(one, (dict, list)):
            yield from places(one)


def mutated(schema: Any, kinds: list[str], chance: random.Random) -> Any:
    """The tree with one of its nodes exchanged, renamed, wrapped or given another's id."""
    tree = copy.deepcopy(schema)
    found = list(places(tree))
    holder, key = chance.choice(found)
    module, name = chance.choice(GADGETS)
    old = holder[key]
    turn = chance.randrange(5)
    if turn == 0:
        holder[key] = of_kind(chance.choice(kinds), module, name, old)
    elif turn == 1:
        holder[key] = of_kind(chance.choice(kinds), old["__module__"], old["__class__"], old)
        holder[key]["content"] = {"obj": node("TypeNode", module, name), "func": name}
    elif turn == 2:
        old["__module__"], old["__class__"] = module, name
    elif turn == 3:
        old["__loader__"] = chance.choice([*kinds, "NewNode", "__class__"])
        old["__class__"] = name
    else:
        evil = of_kind(chance.choice(kinds), module, name, node("FunctionNode", module, name))
        other, place = chance.choice(found)
        evil["__id__"] = old.get("__id__", 7)
        other[place] = evil
    return tree
