"""Twenty-five things that a web application of a model may have, each tried on the running app.

A probe asks as a browser or a program would, and looks at what comes back. It knows where the form
and the API are; all else it finds by following links, or by trying the addresses in common use.
"""

from __future__ import annotations

import html
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from urllib.parse import urljoin, urlsplit

import httpx
from contenders import ROW, App

OPENAPI = ("/openapi.json", "/api/openapi.json", "/swagger.json", "/api/schema", "/api/schema/")
DOCS = ("/docs", "/docs/", "/api/docs", "/api/docs/", "/swagger", "/redoc", "/apidocs/", "/api/")
METRICS = ("/metrics", "/metrics/", "/prometheus/metrics")
HEALTH = ("/readyz", "/ready", "/healthz", "/health", "/health/", "/livez", "/ping", "/ht/")
LOGIN = ("/login", "/login/", "/accounts/login/", "/admin/login/", "/auth/login")
QUALITY = re.compile(r"R²|R\^2|mean (?:absolute|squared) error|RMSE|MAE\b")
LINK = re.compile(r'<a\b[^>]*\bhref="([^"#]+)')
FORM = re.compile(r'<form\b[^>]*method="post"[^>]*>.*?</form>', re.DOTALL | re.IGNORECASE)
ACTION = re.compile(r'<form\b[^>]*\baction="([^"]*)"', re.IGNORECASE)
INPUT = re.compile(r"<input\b[^>]*>")
PAGES_MAX = 40


class Visitor:
    """Somebody who looks at an app from outside."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.client = httpx.Client(base_url=app.address, timeout=30, follow_redirects=True)

    @cached_property
    def page(self) -> str:
        """The page with the form."""
        return self.client.get(self.app.contender.form).text

    @cached_property
    def form(self) -> str:
        """The HTML of the form with most of the fields; empty where there is none."""
        found = FORM.findall(self.page)
        return max(
            found, key=lambda form: sum(f'name="{name}"' in form for name in ROW), default=""
        )

    def fill_in(self, **changed: object) -> httpx.Response:
        """Send the form as a browser does, with its hidden inputs."""
        sent = {**self.hidden(), **{k: str(v) for k, v in (ROW | changed).items()}}
        return self.client.post(self.action(), data=sent, headers={"origin": self.app.address})

    def hidden(self) -> dict[str, str]:
        """The form's hidden inputs."""
        inputs = [tag for tag in INPUT.findall(self.form) if 'type="hidden"' in tag]
        return {attribute(tag, "name"): attribute(tag, "value") for tag in inputs}

    def action(self) -> str:
        """Where the form goes."""
        found = ACTION.search(self.form)
        return urljoin(self.app.contender.form, found.group(1) if found else "")

    def ask(self, body: object, **headers: str) -> httpx.Response:
        """Ask the API."""
        return self.client.post(self.app.contender.api, json=body, headers=headers)

    def first(self, paths: tuple[str, ...]) -> httpx.Response | None:
        """The answer of the first of these addresses that there is."""
        for path in paths:
            answer = self.client.get(path)
            if answer.status_code == 200:
                return answer
        return None

    def pages(self) -> Iterator[tuple[str, str]]:
        """Every page that links lead to, from the form and the root on."""
        waiting, seen = [self.app.contender.form, "/"], set[str]()
        while waiting and len(seen) < PAGES_MAX:
            path = waiting.pop(0)
            if path in seen:
                continue
            seen.add(path)
            answer = self.client.get(path)
            if answer.status_code == 200 and "html" in answer.headers.get("content-type", ""):
                yield path, answer.text
                waiting += [p for link in LINK.findall(answer.text) if (p := self._own(path, link))]

    def _own(self, page: str, link: str) -> str | None:
        parts = urlsplit(urljoin(self.app.address + page, html.unescape(link)))
        if f"{parts.scheme}://{parts.netloc}" != self.app.address:
            return None
        return parts.path + (f"?{parts.query}" if parts.query else "")


def attribute(tag: str, name: str) -> str:
    """An attribute's value; empty where the tag lacks it."""
    found = re.search(rf'\b{name}="([^"]*)"', tag)
    return html.unescape(found.group(1)) if found else ""


def has_form(visitor: Visitor) -> bool:
    """A page with an input for each column, which answers a form that is sent."""
    price = round(visitor.ask(ROW).json()["prediction"])
    digits = re.sub(r"\D", "", visitor.fill_in().text.replace(",", ""))
    return all(f'name="{name}"' in visitor.form for name in ROW) and str(price)[:5] in digits


def keeps_what_was_typed(visitor: Visitor) -> bool:
    """After an answer the inputs hold what they held."""
    text = visitor.fill_in().text
    values = {attribute(tag, "name"): attribute(tag, "value") for tag in INPUT.findall(text)}
    return all(values.get(name) == str(value) for name, value in ROW.items())


def form_names_the_wrong_input(visitor: Visitor) -> bool:
    """A form with a word for a number is shown again, with the word and a message at its input."""
    text = visitor.fill_in(energy="plenty").text
    wrong = re.search(r'<input[^>]*name="energy"[^>]*>', text)
    has_message = len(re.findall(r'class="error|errorlist', text)) == 1
    names = re.search(r'aria-(?:invalid|describedby)="[^"]*"', wrong.group()) if wrong else None
    return has_message and names is not None and "plenty" in text


def form_shows_what_is_usual(visitor: Visitor) -> bool:
    """The form says what values the model has seen."""
    ranges = re.findall(r"\b\d[\d.,]* (?:to|-|\u2013) \d[\d.,]*", visitor.form)
    return len(ranges) >= len(ROW)


def form_fills_with_an_example(visitor: Visitor) -> bool:
    """Some link of the form's page leads to a form that is filled in."""
    for link in LINK.findall(visitor.page):
        text = visitor.client.get(html.unescape(link)).text
        found = {attribute(tag, "name"): attribute(tag, "value") for tag in INPUT.findall(text)}
        if all(found.get(name) for name in ROW):
            return True
    return False


def tells_how_good_it_is(visitor: Visitor) -> bool:
    """Some page names a measure of the model's error."""
    return any(QUALITY.search(text) for _, text in visitor.pages())


def has_api(visitor: Visitor) -> bool:
    """JSON in, JSON out."""
    answer = visitor.ask(ROW)
    return answer.status_code == 200 and isinstance(answer.json()["prediction"], float)


def api_names_the_wrong_value(visitor: Visitor) -> bool:
    """A word for a number is refused with a status of 4xx and the column's name."""
    answer = visitor.ask(ROW | {"energy": "plenty"})
    return 400 <= answer.status_code < 500 and "energy" in answer.text


def api_names_all_wrong_values(visitor: Visitor) -> bool:
    """Two words for numbers: both columns are named at once."""
    answer = visitor.ask(ROW | {"energy": "plenty", "noise": "none"})
    named = "energy" in answer.text and "noise" in answer.text
    return 400 <= answer.status_code < 500 and named


def api_refuses_what_it_does_not_know(visitor: Visitor) -> bool:
    """A misspelt column isn't dropped in silence."""
    answer = visitor.ask(ROW | {"balcon": 4})
    return 400 <= answer.status_code < 500 and "balcon" in answer.text


def warns_of_unusual_values(visitor: Visitor) -> bool:
    """An area beyond all that was seen is refused, or answered with a word about it."""
    answer = visitor.ask(ROW | {"area": 90_000})
    return "area" in answer.text


def answers_many_rows(visitor: Visitor) -> bool:
    """Three rows in one request."""
    answer = visitor.ask([ROW] * 3)
    if answer.status_code != 200:
        return False
    return len(re.findall(r"\d{6}\.\d+", answer.text)) >= 3


def answers_csv(visitor: Visitor) -> bool:
    """Rows as CSV."""
    lines = ",".join(ROW) + "\n" + ",".join(map(str, ROW.values())) + "\n"
    answer = visitor.client.post(
        visitor.app.contender.api, content=lines, headers={"content-type": "text/csv"}
    )
    return answer.status_code == 200


def is_described_for_programs(visitor: Visitor) -> bool:
    """OpenAPI."""
    answer = visitor.first(OPENAPI)
    return answer is not None and "openapi" in answer.text


def is_described_for_people(visitor: Visitor) -> bool:
    """A page that says how the API is asked."""
    answer = visitor.first(DOCS)
    return answer is not None and visitor.app.contender.api in html.unescape(answer.text)


def refuses_other_sites_forms(visitor: Visitor) -> bool:
    """A form that another site's page sends is refused."""
    answer = httpx.post(
        visitor.app.address + visitor.action(),
        data={name: str(value) for name, value in ROW.items()},
        headers={"origin": "http://elsewhere.example", "sec-fetch-site": "cross-site"},
    )
    return answer.status_code == 403


def refuses_unknown_hosts(visitor: Visitor) -> bool:
    """A request for another name than the server's is refused."""
    answer = visitor.client.get(
        visitor.app.contender.form, headers={"host": "elsewhere.example"}, follow_redirects=False
    )
    return 400 <= answer.status_code < 500


def has_content_policy(visitor: Visitor) -> bool:
    """The page allows scripts from its own site only."""
    answer = visitor.client.get(visitor.app.contender.form)
    policy = answer.headers.get("content-security-policy", "")
    return bool(policy) and "unsafe-inline" not in policy


def refuses_frames(visitor: Visitor) -> bool:
    """No other page can hold this one in a frame."""
    headers = visitor.client.get(visitor.app.contender.form).headers
    policy = headers.get("content-security-policy", "")
    return "x-frame-options" in headers or "frame-ancestors" in policy


def loads_without_running_code(visitor: Visitor) -> bool:
    """The model's file is no pickle, and holds none."""
    file = visitor.app.models / visitor.app.contender.model
    if not zipfile.is_zipfile(file):
        return not file.read_bytes().startswith(b"\x80")
    with zipfile.ZipFile(file) as opened:
        return not any(opened.read(name).startswith(b"\x80") for name in opened.namelist())


def people_log_in(visitor: Visitor) -> bool:
    """A page with a password to type."""
    answer = visitor.first(LOGIN)
    return answer is not None and 'type="password"' in answer.text


def refuses_wrong_tokens(visitor: Visitor) -> bool:
    """A token that nobody was given isn't accepted: the API knows tokens, and says so."""
    answer = visitor.ask(ROW, authorization="Bearer nobody-was-given-this")
    asked_for = answer.headers.get("www-authenticate", "").lower()
    return answer.status_code == 401 and "bearer" in asked_for


def keeps_records(visitor: Visitor) -> bool:
    """A prediction can be looked up afterwards, on some page."""
    price = visitor.ask(ROW | {"area": 123.4}).json()["prediction"]
    shown = {f"{price:,.0f}", f"{price:.0f}", f"{price:.2f}", f"{price:,.2f}", str(price)}
    return any(one in text for _, text in visitor.pages() for one in shown)


def has_metrics(visitor: Visitor) -> bool:
    """Metrics for Prometheus."""
    answer = visitor.first(METRICS)
    return answer is not None and "# TYPE" in answer.text


def says_when_it_is_ready(visitor: Visitor) -> bool:
    """An address for probes."""
    return visitor.first(HEALTH) is not None


Probe = Callable[[Visitor], bool]
FEATURES: dict[str, Probe] = {
    "a form for people": has_form,
    "it keeps the input after an error": keeps_what_was_typed,
    "it says which input is invalid": form_names_the_wrong_input,
    "it shows the range seen in training": form_shows_what_is_usual,
    "it can be filled with an example": form_fills_with_an_example,
    "pages show the model's metrics": tells_how_good_it_is,
    "an API for programs": has_api,
    "validation: the invalid column is named": api_names_the_wrong_value,
    "validation: all errors at once": api_names_all_wrong_values,
    "validation: unknown columns are refused": api_refuses_what_it_does_not_know,
    "warnings about unusual values": warns_of_unusual_values,
    "many rows in a request": answers_many_rows,
    "rows as CSV": answers_csv,
    "OpenAPI": is_described_for_programs,
    "a documentation page": is_described_for_people,
    "CSRF: other sites' forms are refused": refuses_other_sites_forms,
    "unknown host names are refused": refuses_unknown_hosts,
    "a content security policy": has_content_policy,
    "no framing by other sites": refuses_frames,
    "loading the model runs no code": loads_without_running_code,
    "people log in": people_log_in,
    "tokens for programs": refuses_wrong_tokens,
    "records of predictions": keeps_records,
    "metrics": has_metrics,
    "a readiness probe": says_when_it_is_ready,
}


# What only an app that asks people who they are can have.
OF_ACCOUNTS = ("people log in", "tokens for programs")


def probe(app: App, names: Iterable[str] = tuple(FEATURES)) -> dict[str, bool]:
    """Which of the features a running app has."""
    visitor = Visitor(app)
    with visitor.client:
        return {name: FEATURES[name](visitor) for name in names}
