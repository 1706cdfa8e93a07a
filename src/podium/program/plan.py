"""A plan: the inputs, operations and outputs of a program, and its file format."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from podium.errors import BundleError, NewerBundle
from podium.program.arrays import ArrayPlace, ArrayReader, ArrayWriter
from podium.program.operations import AnyOperation, Shapes
from podium.program.operations.operation import Register, require
from podium.signature import Label

# The version of the format that is written. All older ones can be read.
FORMAT = 1
PLAN, ARRAYS = "plan.json", "arrays.bin"

_Labels: TypeAlias = tuple[Label, ...]


class PlanOutput(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The register that holds one output of the model.

    Attributes:
        register: an index of classes, or a matrix.
        column: of the matrix.
        classes: the labels of an index.
    """

    register: Register
    column: Annotated[int, msgspec.Meta(ge=0)] = 0
    classes: _Labels | None = None


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a program does.

    Attributes:
        inputs: names of the table's columns, in order.
        operations: the n-th fills register n.
        answers: one for each output.
        probabilities: the register with one column for each class, those of several outputs side by
            side.
        scores: the register with the score of each row, beside a single output.
        distances: the register with the distance to each cluster, beside a single output.
    """

    inputs: tuple[str, ...]
    operations: tuple[AnyOperation, ...]
    answers: tuple[PlanOutput, ...]
    probabilities: Register | None = None
    scores: Register | None = None
    distances: Register | None = None

    @property
    def output_registers(self) -> set[Register]:
        """The registers with the outputs, and with what comes beside them."""
        others = {self.probabilities, self.scores, self.distances} - {None}
        return {output.register for output in self.answers} | others  # type: ignore[operator] # not None

    def renumbered(
        self, operations: Iterable[AnyOperation], new: Mapping[Register, Register]
    ) -> Plan:
        """The same outputs from other operations, whose registers have new numbers."""
        return Plan(
            self.inputs,
            tuple(operations),
            tuple(msgspec.structs.replace(a, register=new[a.register]) for a in self.answers),
            None if self.probabilities is None else new[self.probabilities],
            None if self.scores is None else new[self.scores],
            None if self.distances is None else new[self.distances],
        )

    def check(self) -> Shapes:
        """The shapes of all registers.

        Raises:
            BundleError: the plan is invalid.
        """
        shapes = Shapes(len(self.inputs))
        for operation in self.operations:
            shape = operation.check(shapes)
            shapes.add(shape, operation.n_buffered(shapes))
        require(len(self.answers) > 0, "nothing is returned")
        for output in self.answers:
            shape = shapes.any(output.register)
            if output.classes is None:
                require(not shape.is_index, "an index is returned without its labels")
                require(not shape.is_text, "texts are returned")
                require(output.column < shape.width, "a column is returned that doesn't exist")
            else:
                fits = shape.is_index and shape.width == len(output.classes)
                require(fits, "the labels don't fit the index")
        if self.probabilities is not None:
            n_classes = sum(len(output.classes or ()) for output in self.answers)
            # Which of several outputs have some is known to the signature.
            width = shapes.matrix(self.probabilities).width
            fits = width == n_classes or (len(self.answers) > 1 and width < n_classes)
            require(fits, "probabilities lack a class")
        if self.scores is not None:
            require(len(self.answers) == 1, "scores are combined with other outputs")
            require(shapes.matrix(self.scores).width == 1, "a row has one score")
        if self.distances is not None:
            n_clusters = len(self.answers[0].classes or ())
            fits = shapes.matrix(self.distances).width == n_clusters
            require(len(self.answers) == 1 and fits, "distances lack a cluster")
        return shapes


class _Head(msgspec.Struct, frozen=True):
    """The part of the file that tells whether the rest can be read."""

    format: int


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The plan's file: it refers by number to arrays, which are stored in another file."""

    format: int
    arrays: tuple[ArrayPlace, ...]
    plan: msgspec.Raw


_HEAD = msgspec.json.Decoder(_Head)
_FILE = msgspec.json.Decoder(_File)
# Makes msgspec build the decoders of a plan now: see `plan_of`.
_PLAN = msgspec.json.Decoder(Plan)


def parts_of(plan: Plan) -> dict[str, bytes]:
    """The plan as files: contents by name."""
    writer = ArrayWriter()

    def number(array: Any) -> int:
        return writer.add(np.asarray(array))

    written = msgspec.json.encode(plan, enc_hook=number)
    file = _File(FORMAT, tuple(writer.places), msgspec.Raw(written))
    return {PLAN: msgspec.json.encode(file), ARRAYS: writer.content()}


def plan_of(parts: Mapping[str, bytes]) -> Plan:
    """The plan in these files, not yet checked.

    Raises:
        NewerBundle: a newer version of Podium wrote it.
        BundleError: a file is missing or invalid.
    """
    try:
        written, content = parts[PLAN], parts[ARRAYS]
    except KeyError as error:
        raise BundleError(f"the program has no file {error}") from error
    try:
        version = _HEAD.decode(written).format
        if version > FORMAT:
            raise NewerBundle(
                f"the program has format {version}; this Podium reads up to {FORMAT}",
                hint="update Podium",
            )
        if version < 1:
            raise BundleError(f"no program has format {version}")
        file = _FILE.decode(written)
        reader = ArrayReader(content, file.arrays)

        def array(kind: Any, number: object) -> NDArray[Any]:
            return reader.get(number, kind)

        return msgspec.json.decode(file.plan, type=Plan, dec_hook=array)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BundleError(f"the plan of the program can't be read: {error}") from error
