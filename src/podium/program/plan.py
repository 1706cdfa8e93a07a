"""A plan: the inputs, the operations and the answers, and how they are written to files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from podium.errors import BundleError, NewerBundle
from podium.program.arrays import ArrayPlace, ArrayReader, ArrayWriter
from podium.program.operations import AnyOperation, Shapes
from podium.program.operations.operation import Register, require
from podium.signature import Label

# The number of the format that is written here. Older ones are read for ever.
FORMAT = 1
PLAN, ARRAYS = "plan.json", "arrays.bin"

_Labels: TypeAlias = tuple[Label, ...]


class Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Where one output of the model is found.

    Attributes:
        register: an index of classes, or a matrix.
        column: of the matrix.
        classes: the labels that an index stands for.
    """

    register: Register
    column: Annotated[int, msgspec.Meta(ge=0)] = 0
    classes: _Labels | None = None


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a program does.

    Attributes:
        inputs: names of the table's columns, in order.
        operations: the n-th fills register n.
        answers: one an output.
        probabilities: the register that holds one column a class.
    """

    inputs: tuple[str, ...]
    operations: tuple[AnyOperation, ...]
    answers: tuple[Answer, ...]
    probabilities: Register | None = None

    def check(self) -> Shapes:
        """The shapes of all registers.

        Raises:
            BundleError: the plan can't be followed.
        """
        shapes = Shapes(len(self.inputs))
        for operation in self.operations:
            shapes.add(operation.check(shapes))
        require(len(self.answers) > 0, "nothing is answered")
        for answer in self.answers:
            shape = shapes.any(answer.register)
            if answer.classes is None:
                require(not shape.is_index, "an index is answered without its labels")
                require(answer.column < shape.width, "a column is answered that isn't there")
            else:
                fits = shape.is_index and shape.width == len(answer.classes)
                require(fits, "the labels don't fit the index")
        if self.probabilities is not None:
            width, classes = shapes.matrix(self.probabilities).width, self.answers[0].classes
            require(classes is not None and width == len(classes), "probabilities lack a class")
        return shapes


class _Head(msgspec.Struct, frozen=True):
    """As much of the file as tells whether the rest can be read."""

    format: int


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The plan's file: arrays stand in it as numbers, and lie in a file of their own."""

    format: int
    arrays: tuple[ArrayPlace, ...]
    plan: msgspec.Raw


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
        NewerBundle: a newer Podium wrote it.
        BundleError: a file is missing, or holds something else.
    """
    try:
        written, content = parts[PLAN], parts[ARRAYS]
    except KeyError as error:
        raise BundleError(f"the program lacks its file {error}") from error
    try:
        version = msgspec.json.decode(written, type=_Head).format
        if version > FORMAT:
            raise NewerBundle(
                f"the program has format {version}; this Podium reads up to {FORMAT}",
                hint="update Podium",
            )
        if version < 1:
            raise BundleError(f"no program has format {version}")
        file = msgspec.json.decode(written, type=_File)
        reader = ArrayReader(content, file.arrays)

        def array(kind: Any, number: object) -> NDArray[Any]:
            return reader.get(number, kind)

        return msgspec.json.decode(file.plan, type=Plan, dec_hook=array)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BundleError(f"the plan of the program can't be read: {error}") from error
