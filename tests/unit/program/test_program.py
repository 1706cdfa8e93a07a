"""Programs: they answer, they are written and read again, and damage is refused."""

from __future__ import annotations

import json
import subprocess
import sys
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from podium.errors import BundleError, ModelError, NewerBundle
from podium.program import Plan, PlanOutput, Program, kernel_name
from podium.program.operations import (
    Above,
    Clip,
    Encode,
    Finite,
    Forest,
    Impute,
    Indicate,
    Join,
    Largest,
    Link,
    Match,
    Matmul,
    Missing,
    Numbers,
    OneHot,
    Pair,
    Scale,
    Select,
    Total,
    coding_of,
)
from podium.signature import Category, Field, Output, Signature
from podium.table import Table

SIGNATURE = Signature(
    fields=(
        Field(name="size"),
        Field(name="age", type="integer"),
        Field(name="colour", type="category", categories=(Category("red"), Category("blue"))),
    ),
    outputs=(
        Output(name="kind", task="classification", classes=("no", "yes"), has_probabilities=True),
    ),
)
TABLE = Table(
    {
        "size": np.array([1.5, 2.5, -4.0]),
        "age": np.array([3, 4, 5]),
        "colour": np.array(["red", "blue", "green"], object),
    },
    3,
)


def plan(**changes):
    """Numbers and labels to a score, a probability and a class."""
    parts = {
        "inputs": ("size", "age", "colour"),
        "operations": (
            Numbers((0, 1)),
            Scale(0, subtract=np.array([1.0, 2.0]), divide=np.array([2.0, 4.0])),
            OneHot((coding_of(2, {"red": 0, "blue": 1}, unknown=-1),), 2),
            Join((1, 2)),
            Matmul(3, np.array([[1.0], [0.5], [-2.0], [3.0]]), np.array([0.1])),
            Link(4, "sigmoid"),
            Pair(5),
            Above(4),
        ),
        "answers": (PlanOutput(7, classes=("no", "yes")),),
        "probabilities": 6,
    }
    return Plan(**(parts | changes))


def scores():
    size, age = TABLE.columns["size"], TABLE.columns["age"]
    colour = np.array([-2.0, 3.0, 0.0])
    return (size - 1) / 2 + 0.5 * (age - 2) / 4 + colour + 0.1


def test_a_program_returns_labels_and_probabilities():
    outputs = Program(plan(), SIGNATURE).predict(TABLE)

    expected = 1 / (1 + np.exp(-scores()))
    assert outputs.predictions.tolist() == ["no", "yes", "no"]
    assert np.allclose(outputs.probabilities[:, 1], expected, rtol=1e-14)
    assert np.allclose(outputs.probabilities.sum(axis=1), 1)


def test_plain_rows_get_the_same_predictions_as_a_table():
    program = Program(plan(), SIGNATURE)

    outputs = program.predict_rows([(1.5, 3, "red"), (2.5, 4, "blue"), (-4.0, 5, "green")])

    expected = program.predict(TABLE)
    assert outputs.predictions.tolist() == expected.predictions.tolist()
    assert np.array_equal(outputs.probabilities, expected.probabilities)


def test_a_program_that_was_written_and_read_predicts_the_same_bits():
    program = Program(plan(), SIGNATURE)

    again = Program.load(program.parts(), SIGNATURE)

    assert again.parts() == program.parts()
    assert (
        again.predict(TABLE).probabilities.tobytes()
        == program.predict(TABLE).probabilities.tobytes()
    )


def test_many_rows_get_what_each_gets_in_a_small_batch():
    from podium.program.program import CHUNK_ROWS

    rows = np.arange(2 * CHUNK_ROWS + 7) % 3
    program = Program(plan(), SIGNATURE)

    outputs = program.predict(TABLE.take(rows))

    few = program.predict(TABLE)
    assert outputs.predictions.tolist() == few.predictions[rows].tolist()
    assert np.array_equal(outputs.probabilities, few.probabilities[rows])


def test_two_writings_of_one_program_are_the_same_bytes():
    assert Program(plan(), SIGNATURE).parts() == Program(plan(), SIGNATURE).parts()


def test_arrays_lie_at_multiples_of_64_bytes():
    places = json.loads(Program(plan(), SIGNATURE).parts()["plan.json"])["arrays"]

    assert len(places) > 3
    assert all(place["at"] % 64 == 0 for place in places)


@pytest.mark.parametrize(
    ("classes", "kind"),
    [(("a", "b"), str), ((3, 4), int), ((False, True), bool), ((0.5, 1.5), float)],
)
def test_labels_keep_their_type(classes, kind):
    signature = Signature(
        fields=SIGNATURE.fields,
        outputs=(Output(classes=classes, task="classification", has_probabilities=True),),
    )

    program = Program(plan(answers=(PlanOutput(7, classes=classes),)), signature)
    predictions = Program.load(program.parts(), signature).predict(TABLE).predictions

    assert {type(label) for label in predictions.tolist()} == {kind}


def test_labels_of_several_types_keep_theirs():
    signature = Signature(
        fields=SIGNATURE.fields,
        outputs=(Output(classes=("a", 1), task="classification", has_probabilities=True),),
    )

    program = Program(plan(answers=(PlanOutput(7, classes=("a", 1)),)), signature)

    assert program.predict(TABLE).predictions.tolist() == ["a", 1, "a"]


def test_a_value_that_the_model_refuses_is_an_error_of_the_model():
    strict = OneHot((coding_of(2, {"red": 0, "blue": 1}),), 2)
    operations = [strict if isinstance(o, OneHot) else o for o in plan().operations]
    program = Program(plan(operations=tuple(operations)), SIGNATURE)

    with pytest.raises(ModelError, match="doesn't know this category"):
        program.predict(TABLE)
    with pytest.raises(ModelError, match="doesn't know this category"):
        program.predict(TABLE.take(slice(2, 3)))


def test_rows_that_do_not_fit_are_an_error_of_the_model():
    program = Program(plan(), SIGNATURE)

    for rows in ([(1.0, 2.0)], [("x", 1, "red")], [(1.0, 2, "red"), (1.0, 2)]):
        with pytest.raises(ModelError):
            program.predict_rows(rows)


def test_a_missing_cell_of_plain_rows_is_missing():
    signature = Signature(fields=(Field(name="a", missing="accept"), Field(name="b")))
    operations = (
        Numbers((0, 1)),
        Impute(0, np.array([7.0, np.nan])),
        Matmul(1, np.array([[1.0], [10]])),
    )
    program = Program(Plan(("a", "b"), operations, (PlanOutput(2),)), signature)

    assert program.predict_rows([(None, 1.0), (2.0, 2)]).predictions.tolist() == [17.0, 22.0]
    assert program.predict_rows([(None, 1.0)]).predictions.tolist() == [17.0]


def test_calls_in_threads_do_not_disturb_each_other():
    program = Program(plan(), SIGNATURE)
    expected = program.predict(TABLE).probabilities.tobytes()
    answers = set()

    def ask():
        for _ in range(300):
            answers.add(program.predict(TABLE).probabilities.tobytes())

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers == {expected}


def test_a_scale_before_a_product_becomes_part_of_it():
    from podium.program.prepare import folded

    numbers, scale = Numbers((0, 1)), Scale(0, np.array([1.0, 2.0]), np.array([2.0, 4.0]))
    product = Matmul(2, np.array([[3.0], [5.0]]), np.array([1.0]))
    whole = Plan(("a", "b"), (numbers, scale, Finite(1), product), (PlanOutput(3),))

    operations = folded(whole)

    assert operations[2] == Finite(0)
    assert operations[3].x == 2
    assert operations[3].weights.ravel().tolist() == [1.5, 1.25]
    assert operations[3].bias.tolist() == [1 - 1.5 - 2.5]


def test_a_scale_of_numbers_far_from_zero_stays_by_itself():
    from podium.program.prepare import folded

    scale = Scale(0, np.array([1e9]), np.array([1e-3]))
    whole = Plan(("a",), (Numbers((0,)), scale, Matmul(1, np.array([[3.0]]))), (PlanOutput(2),))

    assert folded(whole) == list(whole.operations)


def test_infinity_is_silent_and_no_warning():
    signature = Signature(fields=(Field(name="a"),))
    operations = (Numbers((0,)), Link(0, "exp"), Scale(1, multiply=np.array([1e308])))
    program = Program(Plan(("a",), operations, (PlanOutput(2),)), signature)

    assert program.predict_rows([(1e6,)]).predictions.tolist() == [np.inf]


@pytest.mark.slow
def test_a_program_needs_only_numpy():
    code = """
import sys
from podium.program import Program
heavy = {"sklearn", "pandas", "scipy", "polars", "onnxruntime", "joblib"}
assert not heavy & {name.partition(".")[0] for name in sys.modules}, sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.slow
def test_importing_the_compiler_imports_no_library_of_models():
    code = """
import sys
import podium.compile
from podium.compile.registry import FAMILIES
from importlib import import_module
for family in {one for some in FAMILIES.values() for one in some}:
    import_module(f"podium.compile.exporters.{family}")
heavy = {"sklearn", "pandas", "scipy", "polars", "onnxruntime", "joblib"}
assert not heavy & {name.partition(".")[0] for name in sys.modules}
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_the_kernel_has_a_name():
    assert kernel_name() in ("c", "numpy")


WRONG_PLANS = {
    "a register that comes later": plan(operations=(Link(1, "exp"), Numbers((0,)))),
    "its own register": plan(operations=(Link(0, "exp"),)),
    "a column that isn't there": plan(operations=(Numbers((3,)),)),
    "no column": plan(operations=(Numbers(()),)),
    "an answer that isn't there": plan(answers=(PlanOutput(8, classes=("no", "yes")),)),
    "labels that don't fit": plan(answers=(PlanOutput(7, classes=("no",)),)),
    "an index without labels": plan(answers=(PlanOutput(7),)),
    "a matrix with labels": plan(answers=(PlanOutput(4, classes=("no", "yes")),)),
    "a column of an answer that isn't there": plan(answers=(PlanOutput(4, 1),)),
    "no answers": plan(answers=()),
    "probabilities of an index": plan(probabilities=7),
    "probabilities that lack a class": plan(probabilities=5),
    "distances that lack a cluster": plan(distances=5),
    "distances that aren't there": plan(distances=99),
    "probabilities that aren't there": plan(probabilities=99),
    "a product that doesn't fit": plan(operations=(Numbers((0,)), Matmul(0, np.ones((2, 1))))),
    "weights that are no matrix": plan(operations=(Numbers((0,)), Matmul(0, np.ones(1)))),
    "a bias that doesn't fit": plan(
        operations=(Numbers((0,)), Matmul(0, np.ones((1, 1)), np.ones(2)))
    ),
    "a scale that doesn't fit": plan(operations=(Numbers((0,)), Scale(0, np.ones(2)))),
    "a fill that doesn't fit": plan(operations=(Numbers((0,)), Impute(0, np.ones(2)))),
    "bounds that don't fit": plan(operations=(Numbers((0,)), Clip(0, np.ones(2), np.ones(1)))),
    "a selected column that isn't there": plan(
        operations=(Numbers((0,)), Select(0, np.array([1], np.int32)))
    ),
    "a selected column before the first": plan(
        operations=(Numbers((0,)), Select(0, np.array([-1], np.int32)))
    ),
    "codes that don't fit": plan(
        operations=(Encode((coding_of(2, {"a": 1}).__class__(2, ("a", "b"), np.ones(3)),)),)
    ),
    "a code beyond the row": plan(operations=(OneHot((coding_of(2, {"a": 5}),), 2),)),
    "a code that is no number": plan(operations=(OneHot((coding_of(2, {"a": np.nan}),), 2),)),
    "a row without end": plan(operations=(OneHot((coding_of(2, {"a": 5}),), 10**12),)),
    "a start beyond the row": plan(
        operations=(Numbers((0,)), Indicate(0, np.array([9], np.int32), 3))
    ),
    "keys that don't fit": plan(
        operations=(
            Numbers((0,)),
            Match(
                0, np.ones(1), np.array([0, 2], np.int32), np.ones(3), np.zeros(1, np.uint8)
            ),
        )
    ),
    "keys that begin before the first": plan(
        operations=(
            Numbers((0,)),
            Match(
                0, np.ones(1), np.array([-1, 1], np.int32), np.ones(3), np.zeros(1, np.uint8)
            ),
        )
    ),
    "sums of different widths": plan(operations=(Numbers((0,)), Numbers((0, 1)), Total((0, 1)))),
    "a sum of nothing": plan(operations=(Total(()),)),
    "a pair of two": plan(operations=(Numbers((0, 1)), Pair(0))),
    "a comparison of two": plan(operations=(Numbers((0, 1)), Above(0))),
    "an index as a matrix": plan(operations=(Numbers((0,)), Largest(0), Missing(1))),
    "doublings without end": plan(
        operations=(Numbers((0, 1)), *(Join((i, i)) for i in range(40)))
    ),
}  # fmt: skip


@pytest.mark.parametrize("how", WRONG_PLANS)
def test_a_plan_that_cannot_be_followed_is_refused(how):
    from podium.program.plan import parts_of

    with pytest.raises(BundleError):
        Program(WRONG_PLANS[how], SIGNATURE)
    with pytest.raises(BundleError):
        Program.load(parts_of(WRONG_PLANS[how]), SIGNATURE)


WRONG_SIGNATURES = {
    "other fields": Signature(fields=SIGNATURE.fields[::-1], outputs=SIGNATURE.outputs),
    "more outputs": Signature(fields=SIGNATURE.fields, outputs=(*SIGNATURE.outputs, Output())),
    "no probabilities": Signature(fields=SIGNATURE.fields, outputs=(Output(classes=("a", "b")),)),
    "another number of classes": Signature(
        fields=SIGNATURE.fields,
        outputs=(Output(classes=("a", "b", "c"), has_probabilities=True),),
    ),
}


@pytest.mark.parametrize("how", WRONG_SIGNATURES)
def test_a_program_of_another_signature_is_refused(how):
    with pytest.raises(BundleError):
        Program.load(Program(plan(), SIGNATURE).parts(), WRONG_SIGNATURES[how])


def test_a_program_of_a_newer_podium_says_so():
    parts = Program(plan(), SIGNATURE).parts()
    newer = json.loads(parts["plan.json"]) | {"format": 99, "new": True}

    with pytest.raises(NewerBundle, match="format 99"):
        Program.load(parts | {"plan.json": json.dumps(newer).encode()}, SIGNATURE)


def edited(change):
    """The files of the program with its plan changed."""
    parts = Program(plan(), SIGNATURE).parts()
    file = json.loads(parts["plan.json"])
    change(file)
    return parts | {"plan.json": json.dumps(file).encode()}


def nested(depth):
    return [nested(depth - 1)] if depth else []


HOSTILE_FILES = {
    "an array beyond its file": lambda f: f["arrays"][0].update(at=64 * 10**6),
    "an array before its file": lambda f: f["arrays"][0].update(at=-64),
    "an array between two": lambda f: f["arrays"][1].update(at=8),
    "an array of a huge shape": lambda f: f["arrays"][0].update(shape=[2**62, 2**62]),
    "an array of a negative shape": lambda f: f["arrays"][0].update(shape=[-1]),
    "an array of many dimensions": lambda f: f["arrays"][0].update(shape=[1] * 70),
    "an array of objects": lambda f: f["arrays"][0].update(type="|O"),
    "an array of another type": lambda f: f["arrays"][0].update(type="<i4", shape=[4]),
    "no such array": lambda f: f["plan"]["operations"][1].update(subtract=99),
    "an array with a name": lambda f: f["plan"]["operations"][1].update(subtract="0"),
    "no such operation": lambda f: f["plan"]["operations"][0].update(op="system"),
    "an attribute too much": lambda f: f["plan"]["operations"][0].update(code="import os"),
    "a negative register": lambda f: f["plan"]["operations"][1].update(x=-1),
    "an operation that is a list": lambda f: f["plan"]["operations"].insert(0, []),
    "a plan that is a number": lambda f: f.update(plan=1),
    "an unknown part": lambda f: f.update(extra=1),
    "no format": lambda f: f.pop("format"),
    "format 0": lambda f: f.update(format=0),
    "a format that is a text": lambda f: f.update(format="1"),
    "deep nesting": lambda f: f["plan"].update(answers=nested(500)),
}


@pytest.mark.parametrize("how", HOSTILE_FILES)
def test_a_hostile_plan_is_refused(how):
    with pytest.raises(BundleError):
        Program.load(edited(HOSTILE_FILES[how]), SIGNATURE)


@pytest.mark.parametrize("name", ["plan.json", "arrays.bin"])
def test_a_missing_file_is_refused(name):
    parts = Program(plan(), SIGNATURE).parts()
    del parts[name]

    with pytest.raises(BundleError, match=name):
        Program.load(parts, SIGNATURE)


def test_a_cut_file_is_refused():
    parts = Program(plan(), SIGNATURE).parts()

    for name in parts:
        with pytest.raises(BundleError):
            Program.load(parts | {name: parts[name][:-65]}, SIGNATURE)


@given(seed=st.integers(0, 10**6))
def test_no_flipped_byte_of_a_plan_does_worse_than_an_error(seed):
    random = np.random.default_rng(seed)
    parts = Program(plan(), SIGNATURE).parts()
    content = bytearray(parts["plan.json"])
    content[random.integers(len(content))] ^= 1 << int(random.integers(8))

    try:
        program = Program.load(parts | {"plan.json": bytes(content)}, SIGNATURE)
        outputs = program.predict(TABLE)
    except (BundleError, ModelError):
        return

    assert len(outputs) == TABLE.n_rows


def test_a_forest_is_checked_when_its_program_is_loaded():
    leaf = Forest(
        0,
        feature=np.zeros(1, np.int32),
        threshold=np.zeros(1),
        left=np.array([5], np.int32),
        kind=np.ones(1, np.uint8),
        roots=np.zeros(1, np.int32),
        targets=np.zeros(1, np.int32),
        values=np.ones(1),
        base=np.zeros(1),
        starts=np.zeros(1, np.int32),
        words=np.zeros(0, np.uint32),
    )
    signature = Signature(fields=(Field(name="a"),))

    with pytest.raises(BundleError, match="forest"):
        Program(Plan(("a",), (Numbers((0,)), leaf), (PlanOutput(1),)), signature)
