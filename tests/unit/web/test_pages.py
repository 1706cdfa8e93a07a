"""The home page and the forms of models packed from real data: what they show and what they send."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest

import podium
from podium.flow.predict import PredictionService
from podium.http import Request
from podium.settings import Settings
from podium.testing import Client
from podium.web import home_page
from podium.web.site import Site

VOID = {"input", "link", "meta", "img", "br", "hr", "path", "rect", "line"}
SCRIPT = "</script><img src=x onerror=alert(1)>"
BRACES = "{{7*7}}\"' onload=alert(1) ${x}"
ARABIC = "درجة_الحرارة"
LONG = "Donaudampfschifffahrtsgesellschaftskapitaen_" * 3
LABELS = ("<b>bold</b>", "{{7*7}}", "&amp;", "</textarea>", "y\nz", "x" * 40)
CLASSES = ("<i>yes</i>", "{{no}}", "ربما", "a class whose name goes on " * 3)


class Page(HTMLParser):
    """A page as its elements: tag, attributes, text; and complaints about how it is written."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[list[str]] = []
        self.complaints: list[str] = []
        self._open: list[int] = []
        self.feed(html)
        self.close()
        self.complaints += [f"{self.elements[i][0]} isn't closed" for i in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        if len(set(names)) != len(names):
            self.complaints.append(f"{tag} says an attribute twice: {names}")
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self.texts.append([])
        if tag not in VOID:
            self._open.append(len(self.elements) - 1)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self.texts.append([])

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self.elements[self._open[-1]][0] != tag:
            self.complaints.append(f"</{tag}> closes nothing")
        else:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        for i in self._open:
            self.texts[i].append(data)

    def all(self, tag: str, **wanted: str) -> list[dict[str, str]]:
        """The attributes of the elements that have all of these."""
        return [
            attributes
            for one, attributes in self.elements
            if one == tag and wanted.items() <= attributes.items()
        ]

    def text(self, **wanted: str) -> str:
        """The text of the first element that has these attributes."""
        for (_, attributes), text in zip(self.elements, self.texts, strict=True):
            if wanted.items() <= attributes.items():
                return " ".join(" ".join(text).split())
        raise AssertionError(f"nothing has {wanted}")

    @property
    def title(self) -> str:
        """What the tab of the browser says."""
        at = [tag for tag, _ in self.elements].index("title")
        return "".join(self.texts[at]).strip()


def penguin_rows() -> pd.DataFrame:
    spec = find_spec("palmerpenguins")
    assert spec is not None
    assert spec.submodule_search_locations
    return pd.read_csv(Path(spec.submodule_search_locations[0]) / "data/penguins.csv")


def pipeline(model: Any, rows: pd.DataFrame) -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    numbers = rows.select_dtypes("number").columns.tolist()
    words = make_pipeline(
        SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore")
    )
    others = [name for name in rows.columns if name not in numbers]
    return make_pipeline(
        ColumnTransformer([("words", words, others), ("numbers", SimpleImputer(), numbers)]), model
    )


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """Four models: real ones of one and of several outputs, and one with hostile names."""
    from sklearn.datasets import load_diabetes, load_linnerud
    from sklearn.linear_model import LinearRegression
    from sklearn.tree import DecisionTreeClassifier

    folder = tmp_path_factory.mktemp("bundles")

    def packed(model: Any, X: Any, y: Any, name: str, **said: Any) -> Any:
        return podium.pack(model.fit(X, y), X, y, name=name, path=folder / name, **said)

    rows = penguin_rows()
    X, y = rows.drop(columns="species"), rows["species"]
    units = {"fields": [{"name": "bill_length_mm", "title": "Bill length", "unit": "mm"}]}
    penguins = packed(
        pipeline(DecisionTreeClassifier(max_depth=4, random_state=0), X),
        X,
        y,
        "penguins",
        title="Penguin species",
        description="Tells the species of a penguin.",
        limits=["It knows three species."],
        signature=units,
        holdout=(X[:80], y[:80]),
    )
    rng = np.random.default_rng(0)
    n = 300
    hostile = pd.DataFrame(
        {
            SCRIPT: rng.normal(size=n),
            BRACES: rng.integers(0, 9, n),
            ARABIC: rng.normal(20, 5, n),
            LONG: rng.choice(["א", "ב"], n),
            "kind": rng.choice(LABELS, n),
        }
    )
    named = packed(
        pipeline(DecisionTreeClassifier(max_depth=3, random_state=0), hostile),
        hostile,
        rng.choice(CLASSES, n),
        "hostile",
        title="<script>alert(1)</script> {{7*7}}",
        description="A <b>description</b> with وصف",
        limits=["<u>limits</u>"],
    )
    body = load_linnerud(as_frame=True)
    several = packed(LinearRegression(), body.data, body.target, "linnerud")
    sick = load_diabetes(as_frame=True, scaled=False)
    one = packed(LinearRegression(), sick.data, sick.target, "diabetes")
    return [penguins, named, several, one]


@pytest.fixture(scope="module")
def packed(bundles: list[Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """What asks the four models."""
    app = podium.App(*bundles, home=str(tmp_path_factory.mktemp("home")))
    yield Client(app)
    app.close()


PENGUIN = {
    "island": "Biscoe",
    "bill_length_mm": "46.1",
    "bill_depth_mm": "13.2",
    "flipper_length_mm": "211",
    "body_mass_g": "4500",
    "sex": "male",
    "year": "2008",
}


def sent(client: Client, name: str, values: dict[str, str], status: int = 200) -> Page:
    reply = client.send_form(f"/models/{name}", values, follows=True)
    assert reply.status == status, reply.text
    return Page(reply.text)


def opened(client: Client, target: str) -> Page:
    reply = client.get(target, accept="text/html")
    assert reply.status == 200, reply.text
    return Page(reply.text)


def example_of(client: Client, name: str) -> dict[str, str]:
    """The first example, as the page gives it to its script."""
    link = next(a for a in opened(client, f"/models/{name}").all("a") if "data-fill" in a)
    return msgspec.json.decode(link["data-fill"])[0]


NAMES = ("penguins", "hostile", "linnerud", "diabetes")
PATHS = ("/", "/docs", *(f"/models/{n}" for n in NAMES), *(f"/models/{n}/records" for n in NAMES))


@pytest.mark.slow
@pytest.mark.parametrize("path", PATHS)
def test_every_page_is_well_formed_and_needs_nothing_inline(packed: Client, path):
    for name in NAMES:
        sent(packed, name, example_of(packed, name))
    page = opened(packed, path)

    assert page.complaints == []
    assert page.all("style") == []
    assert all("src" in script for script in page.all("script"))
    for tag, attributes in page.elements:
        assert "style" not in attributes
        assert [name for name in attributes if name.startswith("on")] == [], tag
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert sorted(set(ids)) == sorted(ids)
    assert len(page.all("h1")) == 1
    assert page.title


@pytest.mark.parametrize("path", PATHS)
def test_a_page_loads_nothing_from_elsewhere(packed: Client, path):
    loaded = [
        attributes.get("src") or attributes["href"]
        for tag, attributes in opened(packed, path).elements
        if tag in ("script", "link", "img")
    ]

    assert loaded
    assert [one for one in loaded if not one.startswith("/static/")] == []


@pytest.mark.parametrize("name", NAMES)
def test_what_explains_a_widget_is_there(packed: Client, name):
    wrong = dict.fromkeys(example_of(packed, name), "\x00")
    for page in (opened(packed, f"/models/{name}"), sent(packed, name, wrong, 422)):
        ids = {attributes["id"] for _, attributes in page.elements if "id" in attributes}
        for _, attributes in page.elements:
            wanted = attributes.get("aria-describedby", "") + " " + attributes.get("for", "")
            wanted += " " + attributes.get("aria-labelledby", "")
            assert set(wanted.split()) <= ids
            if attributes.get("href", "").startswith("#f"):
                assert attributes["href"][1:] in ids


def test_home_shows_what_each_model_does(packed: Client):
    text = packed.get("/", accept="text/html").text

    assert "Tells the species of a penguin." in text
    assert re.search("Accuracy [0-9.]+\u00a0% on 80 held-out rows", text)
    page = Page(text)
    for name in NAMES:
        for path in (f"/models/{name}", f"/models/{name}/records", f"/docs/{name}"):
            assert page.all("a", href=path)


def test_home_without_models_says_how_to_get_one():
    site = Site({}, PredictionService(), None, Settings(), lambda: True)

    response = home_page.index(site, Request("GET", "/"))

    page = Page(response.body.decode())
    assert page.complaints == []
    assert "No model is being served yet" in page.text(**{"class": "empty"})
    assert "podium serve" in page.text(**{"class": "empty"})


def test_the_form_has_the_right_widget_for_each_field(client: Client):
    page = opened(client, "/models/loans")
    (age,) = page.all("input", name="age")
    (income,) = page.all("input", name="income")
    hidden, member = page.all("input", name="member")

    assert {"type": "number", "min": "0", "max": "120", "step": "1"}.items() <= age.items()
    assert "required" in age
    assert {"type": "number", "step": "any"}.items() <= income.items()
    assert not {"min", "max", "required"} & income.keys()
    assert (hidden["type"], hidden["value"]) == ("hidden", "false")
    assert (member["type"], member["value"]) == ("checkbox", "true")
    assert "required" not in member
    assert [one["value"] for one in page.all("input", name="plan")] == ["basic", "pro"]
    assert [one["value"] for one in page.all("input", name="rooms")] == ["1", "2", "3", ""]
    assert page.all("input", name="note")[0]["maxlength"] == "20"
    assert page.all("input", name="since")[0]["type"] == "date"
    assert page.all("input", name="asked")[0]["type"] == "datetime-local"
    assert page.all("fieldset")[0]["id"] == "f3"


def test_a_field_shows_its_unit_and_the_training_range(packed: Client):
    page = opened(packed, "/models/penguins")
    (length,) = page.all("input", name="bill_length_mm")

    assert page.text(**{"for": length["id"]}) == "Bill length in mm optional"
    assert page.text(id=f"{length['id']}-help") == "Seen in training: 32.1 to 59.6 mm."
    assert not {"min", "max"} & length.keys()


def test_elements_are_never_named_after_fields(packed: Client):
    page = opened(packed, "/models/hostile")
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]

    for one in ids:
        assert re.fullmatch(r"[a-z][a-z0-9-]*", one)
    assert {one.get("name") for one in page.all("input")} >= {SCRIPT, BRACES, ARABIC, LONG}


def test_hostile_names_are_text_and_nothing_else(packed: Client):
    values = example_of(packed, "hostile")
    sources = [
        packed.get("/", accept="text/html").text,
        packed.get("/models/hostile").text,
        packed.send_form("/models/hostile", values, follows=True).text,
        packed.send_form(
            "/models/hostile", dict.fromkeys(values, "</textarea><u>"), follows=True
        ).text,
        packed.get("/models/hostile/records").text,
    ]

    for html in sources:
        page = Page(html)
        assert page.complaints == []
        assert {"img", "b", "u", "i"} & {tag for tag, _ in page.elements} == set()
        scripts = [one["src"] for one in page.all("script")]
        assert all(re.fullmatch(r"/static/(podium|form)\.\w+\.js", one) for one in scripts)
        assert "49" not in page.title
    assert f"Predicts {CLASSES[0]}" not in sources[2]


def test_a_label_with_a_line_break_can_be_chosen(packed: Client):
    values = example_of(packed, "hostile") | {"kind": "y\r\nz"}

    page = sent(packed, "hostile", values)

    (chosen,) = [one for one in page.all("option") if "selected" in one]
    assert chosen["value"] == "y\nz"


def test_an_answer_shows_the_prediction_its_probabilities_and_what_was_typed(packed: Client):
    page = sent(packed, "penguins", PENGUIN)

    assert page.title == "Gentoo · Penguin species · Podium"
    assert page.text(**{"class": "value figure"}) == "Gentoo"
    bars = next(one for one in page.all("table") if one.get("class") == "bars")
    assert bars["role"] == "table"
    # Three species; the bars of the fields' curves come later.
    all_bars = [one for one in page.all("rect") if one.get("class") == "share" and "x" not in one]
    shares = [float(one["width"]) for one in all_bars[:3]]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(100, abs=0.1)
    assert page.text(**{"class": "chosen"}).startswith("Gentoo")
    assert page.all("input", name="bill_length_mm")[0]["value"] == "46.1"
    assert "checked" in page.all("input", name="sex", value="male")[0]
    assert "held-out rows" in page.text(id="result")
    assert page.all("a", href="/models/penguins")


def test_an_answer_links_to_its_record(packed: Client):
    page = sent(packed, "penguins", PENGUIN)
    (link,) = [one["href"] for one in page.all("a") if one["href"].startswith("/records/")]

    record = opened(packed, link)

    assert "46.1 mm" in record.text(**{"class": "main"})
    assert record.text(**{"class": "value figure"}) == "Gentoo"


def test_the_curl_command_sends_the_same_inputs(packed: Client):
    page = sent(packed, "penguins", PENGUIN)
    program, address, _, header, _, body = shlex.split(page.text(id="curl").replace("\\ ", ""))

    reply = packed.post(address.removeprefix("http://127.0.0.1:8000"), body=body.encode())

    assert (program, header) == ("curl", "Content-Type: application/json")
    assert reply.json()["prediction"] == "Gentoo"


def test_the_curl_command_quotes_whatever_a_field_is_called(packed: Client):
    values = example_of(packed, "hostile")
    page = sent(packed, "hostile", values)

    command = shlex.split(page.text(id="curl").replace("\\ ", ""))

    assert msgspec.json.decode(command[-1]).keys() == values.keys()


def test_a_value_outside_the_training_range_is_predicted_with_a_warning(packed: Client):
    page = sent(packed, "penguins", PENGUIN | {"body_mass_g": "9000"})

    assert "Body mass" in page.text(**{"class": "warnings"})
    assert page.text(**{"class": "value figure"}) == "Gentoo"


def test_a_number_is_shown_among_the_predictions_for_the_training_rows(packed: Client):
    page = sent(packed, "diabetes", example_of(packed, "diabetes"))

    assert "This prediction among those for the training rows" in page.text(**{"class": "among"})
    mark = page.all("line")[0]
    assert 0 < float(mark["x1"]) < 200


def test_several_outputs_are_shown_each_with_its_name(packed: Client):
    page = sent(packed, "linnerud", example_of(packed, "linnerud"))
    shown = page.text(id="result")

    assert [one for one in ("Weight", "Waist", "Pulse") if one not in shown] == []
    assert len(page.all("span", **{"class": "value figure"})) == 3
    assert "among those for the training rows" not in shown


def test_the_page_shows_where_the_model_comes_from(packed: Client):
    page = opened(packed, "/models/penguins")
    about = page.text(id="about")

    assert "It knows three species." in about
    assert "Training rows 344" in about
    assert "scikit-learn" in about
    assert "balanced accuracy" in about
    assert "Biscoe 48.8\u00a0%".replace("\u00a0", " ") in about
    assert "32.1 to 59.6 mm, mean 43.92" in about
    assert len(page.all("svg", **{"class": "spread"})) == 7


def test_a_model_without_training_data_has_no_table_of_it(client: Client):
    page = opened(client, "/models/arrival-delay")

    assert page.all("table") == []
    assert "Python function" in page.text(id="about")


def test_what_is_refused_stands_beside_its_field_and_in_the_summary(packed: Client):
    wrong = PENGUIN | {"bill_depth_mm": "deep", "year": "2008.5"}

    page = sent(packed, "penguins", wrong, 422)

    assert page.title.startswith("Not accepted")
    (depth,) = page.all("input", name="bill_depth_mm")
    assert depth["aria-invalid"] == "true"
    assert depth["aria-describedby"].split()[0] == f"{depth['id']}-error"
    assert page.text(id=f"{depth['id']}-error") == (
        "Bill depth isn't a number. Give a number in mm, or an empty value."
    )
    summary = page.text(id="problems")
    assert summary.startswith("2 values are not accepted")
    assert page.all("a", href=f"#{depth['id']}")
    assert page.all("section", id="result") == []


@pytest.mark.parametrize(
    "typed", ["deep", "1e400", "NaN", "+", "4,5", "<b>", "0x10", "\uff11\uff12"]
)
def test_what_was_typed_stays_also_where_a_browser_would_drop_it(packed: Client, typed):
    page = sent(packed, "penguins", PENGUIN | {"bill_depth_mm": typed}, 422)

    (depth,) = page.all("input", name="bill_depth_mm")
    assert (depth["type"], depth["value"]) == ("text", typed)
    (length,) = page.all("input", name="bill_length_mm")
    assert (length["type"], length["value"]) == ("number", "46.1")
    assert "checked" in page.all("input", name="island", value="Biscoe")[0]


def test_a_refused_category_stays_and_its_summary_leads_to_the_first_button(client: Client):
    page = sent(client, "loans", {"age": "41", "plan": "<Gold>", "since": "2024-03-01"}, 422)

    assert "checked" in page.all("input", name="plan", value="<Gold>")[0]
    assert page.all("a", href="#f3-0")
    assert page.all("input", id="f3-0", type="radio")


def test_an_unknown_field_is_reported(packed: Client):
    page = sent(packed, "penguins", PENGUIN | {"<wings>": "2"}, 422)

    assert "<wings>" in page.text(id="problems")


@pytest.mark.parametrize(("ticked", "chosen"), [(["false"], "no"), (["false", "true"], "yes")])
def test_a_box_that_is_not_ticked_means_no(client: Client, loan, ticked, chosen):
    body = "&".join(f"member={one}" for one in ticked)
    body += "&age=41&income=1&plan=pro&rooms=2&note=&since=2024-03-01"

    reply = client.request(
        "POST",
        "/models/loans",
        body=body.encode(),
        headers={"content-type": "application/x-www-form-urlencoded"},
    )

    page = opened(client, reply.headers["location"])
    assert page.text(**{"class": "value figure"}) == chosen
    box = page.all("input", name="member", type="checkbox")[0]
    assert ("checked" in box) == (chosen == "yes")


def test_a_line_break_reaches_the_model_as_it_was_typed(client: Client, loan):
    values = {name: str(value) for name, value in loan.items()} | {"note": "a\r\nb"}
    page = sent(client, "loans", values)
    (link,) = [one["href"] for one in page.all("a") if one["href"].startswith("/records/")]

    assert '"note":"a\\nb"' in Page(client.get(link).text).text(id="curl")


@pytest.mark.parametrize(
    ("media", "body"),
    [
        ("application/json", b'[{"x":1},{"x":2}]'),
        ("application/json", b'{"x":1}'),
        ("text/csv", b"x\n1\n2\n"),
        ("application/x-ndjson", b'{"x":1}\n{"x":2}\n'),
        ("", b"x=1"),
    ],
)
def test_the_address_of_the_form_takes_a_form_only(client: Client, media, body):
    headers = {"content-type": media, "accept": "application/json"}

    reply = client.request("POST", "/models/fragile", body=body, headers=headers)

    assert reply.status == 415
    assert "/api/models/fragile/predict" in reply.json()["hint"]


@pytest.mark.parametrize("body", [b"", b"&&", b"=", b"x", b"x=%ff", b"x=%00", b"%zz", b"x=1&x=2"])
def test_no_form_causes_a_server_error(client: Client, body):
    headers = {"content-type": "application/x-www-form-urlencoded"}

    reply = client.request("POST", "/models/fragile", body=body, headers=headers)

    assert reply.status < 500


def test_an_example_fills_the_form(packed: Client):
    page = opened(packed, "/models/penguins?example=1")
    texts = example_of(packed, "penguins")

    assert page.all("input", name="year")[0]["value"] == texts["year"]
    assert "checked" in page.all("input", name="island", value=texts["island"])[0]
    (link,) = [one for one in page.all("a") if "data-fill" in one]
    assert link["href"] == "/models/penguins?example=2"


@pytest.mark.parametrize("number", ["0", "²", "٣", "-1", "1e3", "", "9" * 400, "x", "1%202"])
def test_an_example_that_is_none_leaves_the_form_empty(packed: Client, number):
    page = opened(packed, f"/models/penguins?example={number}")

    assert page.all("input", name="year")[0]["value"] == ""


def test_examples_begin_again_after_the_last(packed: Client):
    link = next(a for a in opened(packed, "/models/penguins").all("a") if "data-fill" in a)
    examples = msgspec.json.decode(link["data-fill"])

    page = opened(packed, f"/models/penguins?example={len(examples) + 2}")

    assert page.all("input", name="year")[0]["value"] == examples[1]["year"]


def test_a_record_fills_the_form_again(packed: Client):
    page = sent(packed, "penguins", PENGUIN | {"sex": ""})
    (link,) = [one["href"] for one in page.all("a") if one["href"].startswith("/records/")]

    page = opened(packed, f"/models/penguins?from={link[-32:]}")

    assert page.all("input", name="bill_length_mm")[0]["value"] == "46.1"
    assert "checked" in page.all("input", name="sex", value="")[0]
    assert page.all("section", id="result") == []


@pytest.mark.parametrize("record", ["nothing", "%01", "%ff", "0" * 32, "../..", "é" * 32])
def test_a_record_that_is_none_is_not_found(packed: Client, record):
    assert packed.get(f"/models/penguins?from={record}").status == 404


def test_a_record_of_another_model_is_not_found(packed: Client):
    page = sent(packed, "penguins", PENGUIN)
    (link,) = [one["href"] for one in page.all("a") if one["href"].startswith("/records/")]

    assert packed.get(f"/models/diabetes?from={link[-32:]}").status == 404
