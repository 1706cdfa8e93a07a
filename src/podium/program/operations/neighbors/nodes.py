"""The tree of nodes that a model searches for near rows."""

from __future__ import annotations

import msgspec
import numpy as np

from podium.program.arrays import Bytes, Floats, Indices
from podium.program.operations.operation import require, require_vector

_NODES_MAX = 10_000_000


class Nodes(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The tree of nodes that is searched: it decides between equally near rows.

    The children of node n are 2n + 1 and 2n + 2.

    Attributes:
        order: the rows, grouped by node.
        starts: where the rows of a node begin in `order`.
        ends: where they end.
        is_leaf: 1 if a node has no children.
        low: the lower corner of each node, or its centre.
        high: the upper corner; without it nodes are balls.
        radii: of the balls.
    """

    order: Indices
    starts: Indices
    ends: Indices
    is_leaf: Bytes
    low: Floats
    high: Floats | None = None
    radii: Floats | None = None

    def check(self, n_rows: int, width: int) -> None:
        """Raises BundleError unless these are nodes of this many rows."""
        n_nodes = len(self.starts)
        require(0 < n_nodes <= _NODES_MAX, f"{n_nodes} nodes aren't a tree")
        for vector in (self.starts, self.ends, self.is_leaf):
            require_vector(vector, n_nodes, "a vector of nodes")
        require_vector(self.order, n_rows, "the order of the rows")
        require(bool((np.sort(self.order) == np.arange(n_rows)).all()), "a row is not in the order")
        inside = (self.starts >= 0) & (self.starts <= self.ends) & (self.ends <= n_rows)
        require(bool(inside.all()), "a node has rows that don't exist")
        forks = np.flatnonzero(self.is_leaf == 0)
        require(bool((2 * forks + 2 < n_nodes).all()), "a node has children that don't exist")
        require((self.high is None) != (self.radii is None), "nodes are either boxes or balls")
        corners = self.low if self.high is None else self.high
        fits = self.low.shape == corners.shape == (n_nodes, width)
        require(fits, "the corners of the nodes don't fit")
        require_vector(self.radii, n_nodes, "the radii")


def one_node(n_rows: int) -> Nodes:
    """All rows in one node: they are scanned in order."""
    order, end = np.arange(n_rows, dtype=np.int32), np.array([n_rows], np.int32)
    none, is_leaf = np.zeros((0, 0)), np.ones(1, np.uint8)
    return Nodes(order, np.zeros(1, np.int32), end, is_leaf, none, none)
