"""ONNX graphs as runtimes: what goes in, what comes out, what is refused."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from onnx import parser
from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression

from podium.distribution import install_command
from podium.errors import MissingExtra, ModelError, SetupError
from podium.runtimes.onnx import OnnxRuntime, graph_fields, graph_outputs
from podium.runtimes.onnx_outputs import described, link_of
from podium.signature import Category, Field, Output, Signature
from podium.table import Table

COLUMNS = "(float[N, 2] x) => (float[N, {n}] y) <float[2, {n}] w = {w}> {{ y = MatMul(x, w) }}"
MINUS = """(int64[N, 1] n, double[N, 1] x) => (double[N, 1] y) {
    m = Cast <to: int = 11> (n)
    y = Sub(x, m)
}"""
PLAN = Output(name="plan", task="classification", classes=("basic", "pro"), has_probabilities=True)


def graph_of(body):
    """A real graph, as the bytes of its file."""
    head = '<ir_version: 8, opset_import: ["" : 18, "ai.onnx.ml" : 3]> graph '
    return parser.parse_model(head + body).SerializeToString()


def linear(*rows):
    """A graph that multiplies two columns by constant weights."""
    weights = ", ".join(str(float(weight)) for row in rows for weight in row)
    return graph_of(COLUMNS.format(n=len(rows[0]), w="{" + weights + "}"))


def passing(tensor, answer=None):
    """A graph that answers what it is given."""
    return graph_of(f"({tensor} x) => ({answer or tensor} y) {{ y = Identity(x) }}")


def signature_of(*fields, output=None):
    made = tuple(f if isinstance(f, Field) else Field(name=f, type="float") for f in fields)
    return Signature(fields=made, outputs=(output or Output(name="y"),))


def scored(content, output):
    """What a graph of two numbers answers for an output, with the link that it asks for."""
    fields = signature_of("a", "b").fields
    sample = Table.of({"a": [0.0, 1.0, -2.0], "b": [1.0, 3.0, 0.5]})
    link = link_of(graph_outputs(content, fields, sample), output)
    runtime = OnnxRuntime(content, signature_of("a", "b", output=output), link)
    return link, runtime.predict(sample)


def test_the_fields_become_the_columns_of_a_matrix_in_the_order_of_the_signature():
    runtime = OnnxRuntime(linear([1], [10]), signature_of("b", "a"))

    answers = runtime.predict(Table.of({"a": [1.0, 2.0], "b": [3.0, 4.0]}))

    assert answers.predictions.tolist() == [13.0, 24.0]
    assert answers.predictions.dtype == np.float64


def test_each_field_goes_to_the_input_of_its_name():
    fields = (Field(name="x", type="float"), Field(name="n", type="integer"))

    answers = OnnxRuntime(graph_of(MINUS), signature_of(*fields)).predict(
        Table.of({"x": [0.5, 1.5], "n": [2, 3]})
    )

    assert answers.predictions.tolist() == [-1.5, -1.5]


def test_inputs_of_other_names_take_the_fields_in_their_order():
    fields = (Field(name="count", type="integer"), Field(name="size", type="float"))

    answers = OnnxRuntime(graph_of(MINUS), signature_of(*fields)).predict(
        Table.of({"size": [0.5], "count": [2]})
    )

    assert answers.predictions.tolist() == [-1.5]


def test_whole_numbers_arrive_whole_however_large():
    runtime = OnnxRuntime(passing("int64[N, 1]"), signature_of(Field(name="n", type="integer")))

    answers = runtime.predict(Table.of({"n": [2**53 + 1, -3]}))

    assert answers.predictions.tolist() == [2**53 + 1, -3]


@pytest.mark.parametrize("cell", [np.nan, 0.5, np.inf])
def test_what_is_no_whole_number_never_becomes_one(cell):
    runtime = OnnxRuntime(passing("int64[N, 1]"), signature_of("n"))

    with pytest.raises(ModelError, match="whole numbers in 'n'"):
        runtime.predict(Table.of({"n": np.array([1.0, cell])}))


def test_texts_and_booleans_arrive_as_such():
    texts = OnnxRuntime(passing("string[N, 1]"), signature_of(Field(name="t", type="text")))
    flags = OnnxRuntime(passing("bool[N, 1]"), signature_of(Field(name="f", type="boolean")))

    assert texts.predict(Table.of({"t": ["é", None, "x"]})).predictions.tolist() == ["é", "", "x"]
    assert flags.predict(Table.of({"f": [True, False]})).predictions.tolist() == [True, False]


def test_a_graph_of_another_width_is_refused():
    with pytest.raises(SetupError, match="takes 2 columns; the signature has 3"):
        OnnxRuntime(linear([1], [1]), signature_of("a", "b", "c"))


def test_a_graph_of_another_number_of_inputs_is_refused():
    with pytest.raises(SetupError, match="has 2 inputs; the signature has 3 fields"):
        OnnxRuntime(graph_of(MINUS), signature_of("a", "b", "c"))


@pytest.mark.parametrize(
    "field",
    [
        Field(name="plan", type="category", categories=(Category("basic"), Category("pro"))),
        Field(name="plan", type="text"),
        Field(name="plan", type="date"),
    ],
    ids=lambda field: field.type,
)
def test_a_field_that_is_no_number_is_refused_where_the_graph_takes_numbers(field):
    with pytest.raises(SetupError, match=f"'plan' is a {field.type}; the ONNX graph takes numbers"):
        OnnxRuntime(linear([1], [1]), signature_of("a", field))


def test_an_input_that_is_no_tensor_is_refused():
    content = graph_of("(seq(float[N]) x) => (int64 y) { y = SequenceLength(x) }")

    with pytest.raises(SetupError, match="not a tensor"):
        OnnxRuntime(content, signature_of("a"))


@pytest.mark.parametrize("content", [b"", b"\x08\x08", b"no graph at all"])
def test_bytes_that_are_no_graph_are_refused(content):
    with pytest.raises(SetupError, match="can't load this graph"):
        OnnxRuntime(content, signature_of("a"))


def test_rows_that_the_graph_refuses_are_the_models_error():
    content = graph_of(
        "(float[N, 2] x) => (float[M, 3] y) <int64[2] s = {-1, 3}> { y = Reshape(x, s) }"
    )

    with pytest.raises(ModelError, match="ONNX Runtime raised"):
        OnnxRuntime(content, signature_of("a", "b")).predict(Table.of({"a": [1.0], "b": [1.0]}))


def test_without_onnx_runtime_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)

    with pytest.raises(MissingExtra) as raised:
        OnnxRuntime(linear([1], [1]), signature_of("a", "b"))

    assert raised.value.hint == install_command("onnx")


def test_a_graph_has_names_and_types_of_its_inputs():
    told = [(field.name, field.type) for field in graph_fields(graph_of(MINUS))]

    assert told == [("n", "integer"), ("x", "float")]
    assert [field.name for field in graph_fields(linear([1], [1]))] == ["x0", "x1"]


@pytest.mark.slow
@pytest.mark.parametrize("zipmap", [True, False])
def test_labels_are_texts_and_probabilities_stand_in_the_order_of_the_classes(zipmap):
    from skl2onnx import to_onnx

    X, y = load_wine(return_X_y=True, as_frame=True)
    X, y = X.iloc[:, :3], y.map({0: "white", 1: "rosé", 2: "red"})
    X = X.astype(np.float32)
    model = LogisticRegression(max_iter=5_000).fit(X.to_numpy(), y)
    content = to_onnx(model, X.to_numpy()[:1], options={"zipmap": zipmap}).SerializeToString()
    signature = signature_of(*X.columns)
    sample = Table.of(X)

    outputs = described(
        graph_outputs(content, signature.fields, sample), [y.to_numpy(object)], ["wine"]
    )
    runtime = OnnxRuntime(content, signature_of(*X.columns, output=outputs[0]))
    answers = runtime.predict(sample)

    assert outputs[0].classes == ("red", "rosé", "white")
    assert answers.predictions.tolist() == model.predict(X.to_numpy()).tolist()
    np.testing.assert_allclose(answers.probabilities, model.predict_proba(X.to_numpy()), atol=1e-6)


def test_columns_that_sum_to_one_are_probabilities():
    content = graph_of("(float[N, 2] x) => (float[N, 2] y) { y = Softmax <axis: int = 1> (x) }")

    link, answers = scored(content, PLAN)

    assert link == ""
    assert answers.predictions.tolist() == ["pro", "pro", "pro"]
    np.testing.assert_allclose(answers.probabilities.sum(axis=1), 1, atol=1e-6)


def test_other_columns_are_scores_of_which_softmax_makes_probabilities():
    link, answers = scored(linear([1, 0], [0, 1]), PLAN)

    assert link == "softmax"
    assert answers.predictions.tolist() == ["pro", "pro", "pro"]
    np.testing.assert_allclose(answers.probabilities[0, 1], 1 / (1 + np.exp(-1.0)), rtol=1e-7)


def test_one_column_is_the_score_of_the_second_class():
    link, answers = scored(linear([1], [0]), PLAN)

    assert link == "sigmoid"
    assert answers.predictions.tolist() == ["basic", "pro", "basic"]
    np.testing.assert_allclose(answers.probabilities[1, 1], 1 / (1 + np.exp(-1.0)), rtol=1e-7)


def test_one_column_between_0_and_1_is_its_probability_if_it_stays_there_far_outside():
    share = graph_of("""(float[N, 2] x) => (float[N, 1] y) <float[2, 1] w = {1.0, 0.0}> {
        z = MatMul(x, w)
        y = Sigmoid(z)
    }""")

    assert scored(share, PLAN)[0] == "share"
    np.testing.assert_allclose(
        scored(share, PLAN)[1].probabilities,
        scored(linear([1], [0]), PLAN)[1].probabilities,
        atol=1e-6,
    )
    small = linear([0.001], [0.1])  # between 0 and 1 on the sample, by chance
    assert scored(small, PLAN)[0] == "sigmoid"


def test_scores_of_any_size_give_probabilities_without_warnings():
    _, one = scored(linear([1e30], [0]), PLAN)
    _, two = scored(linear([1e30, 0], [0, 1]), PLAN)

    assert np.isfinite(one.probabilities).all()
    assert np.isfinite(two.probabilities).all()


def test_more_classes_than_columns_are_refused():
    three = Output(name="plan", task="classification", classes=("a", "b", "c"))

    with pytest.raises(SetupError, match="2 numbers a row, but the target has 3 classes: a, b, c"):
        scored(linear([1, 0], [0, 1]), three)


LABELS = np.array(["b", "a", "b"], object)
COLUMN, TWO = np.array([[0.1], [2.0], [9.0]]), np.array([[0.1, 5.0], [2.0, 1.0], [9.0, 3.0]])


@pytest.mark.parametrize(
    ("answer", "known", "names", "expected"),
    [
        (COLUMN, [], [], [("prediction", "regression", ())]),
        (COLUMN, [np.array([0.1, 2.0, 9.0])], ["y"], [("y", "regression", ())]),
        (COLUMN, [np.array([1, 0, 1])], ["y"], [("y", "regression", ())]),
        (COLUMN / 10, [np.array([1, 0, 1])], ["y"], [("y", "classification", (0, 1))]),
        (COLUMN, [np.array([True, False, True])], ["y"], [("y", "classification", (False, True))]),
        (COLUMN, [LABELS], ["y"], [("y", "classification", ("a", "b"))]),
        (TWO, [LABELS], ["y"], [("y", "classification", ("a", "b"))]),
        (TWO, [np.array([1, 1, 1])], ["y"], [("y", "classification", (0, 1))]),
        (TWO, [], [], [("y0", "regression", ()), ("y1", "regression", ())]),
        (
            TWO,
            [np.zeros(3), np.ones(3)],
            ["high", "low"],
            [("high", "regression", ()), ("low", "regression", ())],
        ),
        (np.array([[0.25, 0.75]]), [], [], [("prediction", "classification", (0, 1))]),
    ],
)
def test_the_targets_show_what_numbers_mean(answer, known, names, expected):
    outputs = described([answer], known, names)

    assert [(one.name, one.task, one.classes) for one in outputs] == expected


def test_numbers_that_fit_no_truth_are_refused():
    with pytest.raises(SetupError, match="neither so many columns nor 2 classes"):
        described([TWO], [np.array([0.5, 1.5, 2.5])], ["y"])


def test_labels_of_numbers_keep_their_type():
    whole = Output(name="y", task="classification", classes=(3, 7))
    flags = Output(name="y", task="classification", classes=(False, True))

    seven = scored(linear([0, 0], [0, 1]), whole)[1].predictions
    true = scored(linear([0, 0], [0, 1]), flags)[1].predictions

    assert seven.tolist() == [7, 7, 7]
    assert seven.dtype.kind == "i"
    assert true.dtype == np.bool_


def test_several_numbers_a_row_are_several_outputs():
    outputs = (Output(name="high"), Output(name="low"))
    signature = Signature(fields=signature_of("a", "b").fields, outputs=outputs)

    answers = OnnxRuntime(linear([1, 2], [3, 4]), signature).predict(
        Table.of({"a": [1.0], "b": [1.0]})
    )

    assert answers.predictions.tolist() == [[4.0, 6.0]]


def test_what_a_graph_raises_is_an_error_and_no_red_text_on_the_terminal(capfd):
    content = graph_of("""(double[N, 1] rows) => (double[N, 1] answers) <double[2] two = {1, 2}> {
        places = Cast <to: int = 7> (rows)
        answers = Gather(two, places)
    }""")
    runtime = OnnxRuntime(content, signature_of(Field(name="rows", type="float")))

    with pytest.raises(ModelError):
        runtime.predict(Table.of({"rows": [7.0]}))

    assert capfd.readouterr().err == ""
