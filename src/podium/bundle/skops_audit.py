"""Checks the whole tree of a skops file before skops builds anything from it.

A skops file names classes, which skops imports and fills. So each node of the tree must be of a
kind that is listed here, of a class that was reviewed for that kind (`skops_types`), and of the
form that skops itself writes; everything else is refused, whatever skops would accept. Two rules
give both readers the same view of the file: a node has the keys of its kind and no others, and
nodes that share an `__id__`, of which skops builds only the first, are equal.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from podium.bundle.skops_arrays import SCHEMA, Members, check_array, check_children
from podium.bundle.skops_types import (
    BIT_GENERATORS,
    CLASSES,
    FIXED_ATTRIBUTES,
    PREDICTOR,
    TUPLE_STATES,
)
from podium.errors import BundleError, PodiumError, UnreviewedType

# skops wrote protocol 0 until 2023; it encodes functions and generators differently.
PROTOCOLS = (1, 2)
# A pipeline in a search has about thirty levels.
DEPTH_MAX = 100
# A forest has about 200 nodes per tree.
NODES_MAX = 2_000_000
_COMMON = frozenset({"__class__", "__module__", "__loader__"})
_ROOT = frozenset({"protocol", "_skops_version"})
_SEED = frozenset({"entropy", "spawn_key", "pool_size", "n_children_spawned"})

# How many numbers numpy's Mersenne twister generates at a time.
_TWISTER = 624

Node: TypeAlias = Mapping[str, Any]
# What distinguishes a node from others of its class: texts, and the digests of its children.
Facts: TypeAlias = "list[str | bytes]"


def audit(content: bytes) -> None:
    """Check that skops may build the objects in this file.

    Raises:
        UnreviewedType: it names a type that isn't on the list.
        BundleError: skops doesn't write such files.
    """
    try:
        members = Members(content)
        _Audit(members).root(_schema(members.read(SCHEMA)))
    except PodiumError:
        raise
    except Exception as error:  # whatever hostile bytes raise in zipfile, json, numpy and scipy
        raise BundleError(
            f"it can't be read: {type(error).__name__}: {str(error)[:200]}"
        ) from error


def _schema(raw: bytes) -> Node:
    if raw.count(b"{") + raw.count(b"[") + raw.count(b",") > 16 * NODES_MAX:
        raise BundleError(f"its {SCHEMA} holds more than {NODES_MAX:,} nodes")
    schema = json.loads(raw)
    if not isinstance(schema, dict) or schema.get("__loader__") != "ObjectNode":
        raise BundleError("it contains no estimator")
    protocol = schema.get("protocol")
    if type(protocol) is not int or protocol not in PROTOCOLS:
        raise BundleError(
            f"it is in protocol {str(protocol)[:20]} of skops, and this Podium reads "
            f"{' and '.join(map(str, PROTOCOLS))}",
            hint="save it again with a current skops",
        )
    return {key: value for key, value in schema.items() if key not in _ROOT}


class _Audit:
    """One traversal of the tree."""

    def __init__(self, members: Members) -> None:
        self._members = members
        self._n_nodes = self._depth = 0
        self._digests: dict[int, bytes] = {}
        self._files: dict[object, bytes] = {}
        self._open: set[int] = set()
        # Each kind: its additional keys, and the method that checks them.
        self._kinds: dict[str, tuple[set[str], Callable[[Node], Facts]]] = {
            "DTypeNode": ({"content"}, self._dtype),
            "DictNode": ({"content", "key_types"}, self._dict),
            "FunctionNode": (set(), _name_only),
            "JsonNode": ({"content", "is_json"}, _value),
            "ListNode": ({"content"}, self._items),
            "LossNode": ({"content", "__reduce__"}, self._reduced),
            "MaskedArrayNode": ({"content"}, self._masked_array),
            "NdArrayNode": ({"type", "file", "content", "shape"}, self._array),
            "ObjectNode": ({"content"}, self._object),
            "RandomGeneratorNode": ({"content"}, self._generator),
            "RandomStateNode": ({"content"}, self._random_state),
            "SetNode": ({"content"}, self._items),
            "SliceNode": ({"content"}, _bounds),
            "TreeNode": ({"content", "__reduce__"}, self._reduced),
            "TupleNode": ({"content"}, self._items),
            "TypeNode": (set(), _name_only),
        }

    def root(self, schema: Node) -> None:
        """Check the whole tree."""
        self._node(schema)

    def _node(self, node: Any) -> bytes:
        """Check one node and everything below it; returns its digest."""
        kind, name = _identity(node)
        self._n_nodes += 1
        self._depth += 1
        if self._depth > DEPTH_MAX or self._n_nodes > NODES_MAX:
            raise BundleError("its tree is too deep, or has too many nodes")
        if kind not in self._kinds or name not in CLASSES[kind]:
            raise UnreviewedType(f"{name} as a {kind}")
        keys, check = self._kinds[kind]
        if not _COMMON <= node.keys() <= _COMMON | keys | {"__id__"}:
            raise BundleError(f"a {kind} of it has other keys than skops writes")
        shared = self._opened(node)
        facts = check(node)
        self._depth -= 1
        digest = _digest(repr((kind, name, facts)).encode())
        if shared is not None:
            self._open.discard(shared)
            if self._digests.setdefault(shared, digest) != digest:
                raise BundleError("two different nodes of it have one id")
        return digest

    def _opened(self, node: Node) -> int | None:
        """The node's id, which no enclosing node may have."""
        shared = node.get("__id__")
        if "__id__" not in node:
            return None
        if type(shared) is not int or shared in self._open:
            raise BundleError("a node of it has an id that skops doesn't write")
        self._open.add(shared)
        return shared

    def _nodes(self, nodes: Any) -> Facts:
        if not isinstance(nodes, list):
            raise BundleError("a list of it isn't a list")
        return [self._node(node) for node in nodes]

    def _items(self, node: Node) -> Facts:
        return self._nodes(node["content"])

    def _dict(self, node: Node) -> Facts:
        key_types = _require(node["key_types"], "ListNode")
        for key_type in key_types["content"]:
            _require(key_type, "TypeNode")
        content = node["content"]
        if not isinstance(content, dict) or len(key_types["content"]) != len(content):
            raise BundleError("a dict of it has another number of keys than of types")
        keys = self._node(key_types)
        return [keys, *content, *self._nodes(list(content.values()))]

    def _object(self, node: Node) -> Facts:
        state = node.get("content")
        if state is None:
            return []
        name = _identity(node)[1]
        if _identity(state)[0] == "JsonNode" and state["content"] == "null":
            return [self._node(state)]
        _require(state, "TupleNode" if name in TUPLE_STATES else "DictNode")
        if name not in TUPLE_STATES:
            _check_attributes(name, state["content"], state["key_types"]["content"])
        facts: Facts = [self._node(state)]
        if name == PREDICTOR:
            self._tree(state["content"], "left", "right")
        return facts

    def _reduced(self, node: Node) -> Facts:
        arguments = node["__reduce__"]
        if not isinstance(arguments, dict) or arguments.keys() != {"args"}:
            raise BundleError("a tree or loss of it isn't made as skops makes it")
        args = _require(arguments["args"], "TupleNode")
        state = node["content"]
        if _identity(state)[0] not in ("DictNode", "TupleNode"):
            raise BundleError("a tree or loss of it has no state")
        facts: Facts = [self._node(args), self._node(state)]
        if _identity(node)[0] == "TreeNode":
            self._tree(state["content"], "left_child", "right_child")
        return facts

    def _tree(self, state: Any, left: str, right: str) -> None:
        """Check that the children of each node come after it: C code follows them unchecked."""
        nodes = _require(state["nodes"], "NdArrayNode")
        check_children(self._members.read(nodes["file"]), left, right)

    def _array(self, node: Node) -> Facts:
        if node["type"] == "numpy" and node.keys().isdisjoint({"content", "shape"}):
            return [self._file(node["file"], is_listed=node.get("__id__") in self._digests)]
        if node["type"] == "json" and "file" not in node and _identity(node)[1] == "numpy.ndarray":
            shape = _require(node["shape"], "TupleNode")
            return [self._node(shape), *self._nodes(node["content"])]
        raise BundleError("an array of it is neither numbers nor a list")

    def _file(self, name: object, *, is_listed: bool) -> bytes:
        """The digest of an array; one that skops reads again counts again."""
        digest = self._files.get(name) if is_listed else None
        if digest is None:
            content = self._members.read(name)
            check_array(content)
            digest = self._files[name] = _digest(content)
        return digest

    def _dtype(self, node: Node) -> Facts:
        return [self._node(_require(node["content"], "NdArrayNode"))]

    def _masked_array(self, node: Node) -> Facts:
        content = node["content"]
        if not isinstance(content, dict) or content.keys() != {"data", "mask"}:
            raise BundleError("a masked array of it lacks a part")
        return [self._node(_require(one, "NdArrayNode")) for one in content.values()]

    def _random_state(self, node: Node) -> Facts:
        state = _require(node["content"], "DictNode")
        inner = _require(state["content"]["state"], "DictNode")
        place = json.loads(_require(inner["content"]["pos"], "JsonNode")["content"])
        if type(place) is not int or not 0 <= place <= _TWISTER:  # numpy doesn't check it
            raise BundleError("a random state of it begins beyond its end")
        return [self._node(state)]

    def _generator(self, node: Node) -> Facts:
        content = node["content"]
        if not isinstance(content, dict) or not content.keys() <= {"bit_generator", "seed_seq"}:
            raise BundleError("a random generator of it has other parts than skops writes")
        state = _require(content["bit_generator"], "DictNode")
        bits = _require(state["content"]["bit_generator"], "JsonNode")
        if json.loads(bits["content"]) not in BIT_GENERATORS:
            raise UnreviewedType(f"numpy.random.{bits['content'][:80]} as a RandomGeneratorNode")
        facts: Facts = [self._node(state)]
        if "seed_seq" in content:
            seed = _require(content["seed_seq"], "DictNode")
            # Mixing a pool takes time quadratic in its size.
            if seed["content"].keys() != _SEED or seed["content"]["pool_size"]["content"] != "4":
                raise BundleError("a random generator of it has a seed that numpy doesn't make")
            facts.append(self._node(seed))
        return facts


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=20).digest()


def _name_only(_: Node) -> Facts:
    return []


def _value(node: Node) -> Facts:
    text = node["content"]
    if not isinstance(text, str) or isinstance(json.loads(text), (list, dict)):
        raise BundleError("a value of it isn't a single value")
    return [text]


def _bounds(node: Node) -> Facts:
    content = node["content"]
    if not isinstance(content, dict) or content.keys() != {"start", "stop", "step"}:
        raise BundleError("a slice of it lacks a part")
    if any(type(one) not in (int, type(None)) for one in content.values()):
        raise BundleError("a slice of it has bounds that aren't numbers")
    return [repr(list(content.values()))]


def _identity(node: Any) -> tuple[str, str]:
    """The kind of a node, and the class that it names."""
    if not isinstance(node, dict):
        raise BundleError("a node of it isn't a node")
    names = [node.get(key) for key in ("__loader__", "__module__", "__class__")]
    if not all(isinstance(one, str) for one in names):
        raise BundleError("a node of it has no class")
    kind, module, class_name = names
    return str(kind), f"{module}.{class_name}"


def _require(node: Any, kind: str) -> Any:
    """The node, if it is of this kind."""
    actual, name = _identity(node)
    if actual != kind:
        raise UnreviewedType(f"{name} as a {actual} in place of a {kind}")
    return node


def _check_attributes(name: str, attributes: Mapping[str, Any], key_types: list[Any]) -> None:
    """Check that an object may have these attributes."""
    for key_type in key_types:
        if _identity(key_type) != ("TypeNode", "builtins.str"):
            raise BundleError(f"{name} has attributes whose names aren't texts")
    for key, value in attributes.items():
        if key.startswith("__") and key.endswith("__"):
            raise UnreviewedType(f"{name} with an attribute {key[:80]}")
        if key in FIXED_ATTRIBUTES:
            kind, _ = _identity(value)
            if kind != "JsonNode" or value.get("content") not in FIXED_ATTRIBUTES[key]:
                raise UnreviewedType(f"{name} with an attribute {key} of its own")
