"""Programs that request a prediction, one for each language, ready to run."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from podium.signature import Label
from podium.web.examples import Row

# The environment variable from which the programs take their token.
TOKEN = "PODIUM_TOKEN"  # noqa: S105 - its name
# Up to here each field has a line of its own; the lines of wider rows hold several.
LINES_MAX = 30
WIDTH = 88
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


@dataclass(frozen=True, slots=True)
class Snippet:
    """A program.

    Attributes:
        title: its language, and the library it uses.
        needs: what must be there to run it; "" if that goes without saying.
    """

    title: str
    needs: str
    text: str


def snippets(address: str, row: Row, table: str, *, has_token: bool = False) -> list[Snippet]:
    """Programs that send a row to the API and print its answer.

    Args:
        address: the full URL of the model's API.
        table: rows as CSV.
        has_token: whether they send a token.
    """
    body = f"{{{', '.join(_json_entries(row))}}}"
    return [
        Snippet("curl", "", curl(address, body, "application/json", has_token=has_token)),
        Snippet(
            "Python, requests",
            "pip install requests",
            _python("requests", address, row, has_token),
        ),
        Snippet("Python, httpx", "pip install httpx", _python("httpx", address, row, has_token)),
        Snippet(
            "JavaScript",
            "Node.js 18 or newer: node predict.mjs",
            _javascript(address, row, has_token),
        ),
        Snippet(
            "R",
            'R 4.1 or newer: install.packages(c("httr2", "jsonlite"))',
            _r(address, row, has_token),
        ),
        Snippet("Java", "Java 15 or newer: java Predict.java", _java(address, row, has_token)),
        Snippet("Many rows, as CSV", "curl", curl(address, table, "text/csv", has_token=has_token)),
    ]


def json_lines(row: Row) -> str:
    """A row as JSON, to be read: what isn't seen, or turns the direction, as its code."""
    return f"{{\n{_lines(_json_entries(row), 2, end='')}\n}}"


def curl(address: str, body: str, media: str, *, has_token: bool = False) -> str:
    """The command that sends a body to the API."""
    # Not -d, which takes a body that begins with @ for the name of a file.
    token = f'  -H "Authorization: Bearer ${TOKEN}" \\\n' if has_token else ""
    return (
        f"curl {shlex.quote(address)} \\\n{token}"
        f"  -H 'Content-Type: {media}' \\\n"
        f"  --data-raw {shlex.quote(body)}"
    )


def _python(library: str, address: str, row: Row, has_token: bool) -> str:
    entries = [f"{_text(name, _code)}: {_python_value(value)}" for name, value in row.items()]
    bearer = f'"Bearer " + os.environ["{TOKEN}"]'
    return (
        ("import os\n\n" if has_token else "") + f"import {library}\n\n"
        f"row = {{\n{_lines(entries, 4)}\n}}\n"
        f"response = {library}.post(\n"
        f"    {_text(address, _code)},\n"
        "    json=row,\n"
        + (f'    headers={{"Authorization": {bearer}}},\n' if has_token else "")
        + "    timeout=60,\n"
        ")\n"
        "if response.status_code != 200:\n"
        "    raise SystemExit(response.text)\n"
        'print(response.json()["prediction"])'
    )


def _javascript(address: str, row: Row, has_token: bool) -> str:
    # As a literal, the key "__proto__" would set the prototype.
    keys = {name: "[%s]" if name == "__proto__" else "%s" for name in row}
    entries = [f"{keys[name] % _text(name, _unit)}: {_json(value)}" for name, value in row.items()]
    token = f'    "Authorization": `Bearer ${{process.env.{TOKEN}}}`,\n' if has_token else ""
    return (
        f"const row = {{\n{_lines(entries, 2)}\n}};\n"
        f"const response = await fetch({_text(address, _unit)}, {{\n"
        '  method: "POST",\n'
        f'  headers: {{\n    "Content-Type": "application/json",\n{token}  }},\n'
        "  body: JSON.stringify(row),\n"
        "});\n"
        "if (!response.ok) throw new Error(await response.text());\n"
        "console.log((await response.json()).prediction);"
    )


def _r(address: str, row: Row, has_token: bool) -> str:
    entries = [f"{_text(name, _code)} = {_r_value(value)}" for name, value in row.items()]
    token = f'  req_auth_bearer_token(Sys.getenv("{TOKEN}")) |>\n' if has_token else ""
    return (
        "library(httr2)\n\n"
        f"row <- list(\n{_lines(entries, 2, end='')}\n)\n"
        f"response <- request({_text(address, _code)}) |>\n{token}"
        "  req_body_json(row) |>\n"
        "  req_error(body = function(response) resp_body_string(response)) |>\n"
        "  req_perform()\n"
        "print(resp_body_json(response)$prediction)"
    )


def _java(address: str, row: Row, has_token: bool) -> str:
    # Before Java 18 javac reads a source in the encoding of the machine: ASCII is read by all.
    entries = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in row.items()]
    body = ("{\n" + _lines(entries, 2, end="") + "\n}").replace("\\", "\\\\")
    body = "".join(f"            {line}\n" for line in body.splitlines()).rstrip("\n")
    bearer = f'"Bearer " + System.getenv("{TOKEN}")'
    token = f'                .header("Authorization", {bearer})\n' if has_token else ""
    return (
        "import java.net.URI;\n"
        "import java.net.http.HttpClient;\n"
        "import java.net.http.HttpRequest;\n"
        "import java.net.http.HttpResponse;\n\n"
        "public class Predict {\n"
        "    public static void main(String[] args) throws Exception {\n"
        f'        String row = """\n{body}""";\n'
        f"        HttpRequest request = HttpRequest.newBuilder(URI.create({_text(address, _unit)}))\n"
        f'                .header("Content-Type", "application/json")\n{token}'
        "                .POST(HttpRequest.BodyPublishers.ofString(row))\n"
        "                .build();\n"
        "        HttpResponse<String> response = HttpClient.newHttpClient()\n"
        "                .send(request, HttpResponse.BodyHandlers.ofString());\n"
        "        System.out.println(response.body());\n"
        "        System.exit(response.statusCode() == 200 ? 0 : 1);\n"
        "    }\n"
        "}"
    )


def _lines(entries: list[str], indent: int, *, end: str = ",") -> str:
    """The entries of a literal, separated by commas.

    Args:
        end: what follows the last one.
    """
    if len(entries) <= LINES_MAX:
        rows = entries
    else:
        rows = [entries[0]]
        for entry in entries[1:]:
            if len(rows[-1]) + len(entry) + 3 <= WIDTH - indent:
                rows[-1] += f", {entry}"
            else:
                rows.append(entry)
    return ",\n".join(" " * indent + row for row in rows) + (end if entries else "")


def _json_entries(row: Row) -> list[str]:
    return [f"{_text(name, _unit)}: {_json(value)}" for name, value in row.items()]


def _text(text: str, code: Callable[[int], str]) -> str:
    """A text in double quotes; what isn't seen, or turns the direction, as its code."""
    parts = (_ESCAPES.get(one) or (one if one.isprintable() else code(ord(one))) for one in text)
    return f'"{"".join(parts)}"'


def _code(point: int) -> str:
    """A character of Python or R by its number."""
    return f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"


def _unit(point: int) -> str:
    """A character of JavaScript, Java or JSON by its UTF-16 units."""
    units = chr(point).encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2))


def _python_value(value: Label | None) -> str:
    return _text(value, _code) if isinstance(value, str) else repr(value)


def _json(value: Label | None) -> str:
    return _text(value, _unit) if isinstance(value, str) else json.dumps(value)


def _r_value(value: Label | None) -> str:
    if isinstance(value, str):
        return _text(value, _code)
    named: Mapping[object, str] = {None: "NULL", True: "TRUE", False: "FALSE"}
    is_named = value is None or isinstance(value, bool)
    return named[value] if is_named else repr(value)
