"""The control API's reference as one page of plain HTML.

Written here rather than drawn by a script from elsewhere: the page shares its origin with the
admin's credentials, and it must open without the internet. It runs no script at all.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
section { border-top: 1px solid; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: 0.25rem 1rem 0.25rem 0; }
code { font-family: ui-monospace, monospace; }
"""

POLICY = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    f"style-src 'sha256-{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'"
)
"""What the page may load: nothing but its own style sheet, known by its hash (W3C CSP Level 3)."""

Schema = Mapping[str, Any]


def reference_page(openapi: Schema) -> str:
    """The page that describes an OpenAPI document: its paths, and the objects they answer with."""
    title = escape(str(openapi["info"]["title"]))
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            f"<title>{title}: control API</title><style>{_STYLE}</style></head><body>",
            f"<h1>{title}: control API</h1>",
            '<p>The same for programs: <a href="/api/openapi.json">/api/openapi.json</a>. '
            '<a href="/">Console</a>.</p>',
            *_operations(openapi),
            "<h2>Objects</h2>",
            *_objects(openapi.get("components", {}).get("schemas", {})),
            "</body></html>",
        ]
    )


def _operations(openapi: Schema) -> Iterator[str]:
    for path, methods in openapi["paths"].items():
        for method, operation in methods.items():
            yield f"<section><h2><code>{escape(method.upper())} {escape(path)}</code></h2>"
            yield f"<p>{escape(operation.get('description', ''))}</p>"
            yield from _table("Parameters", _parameters(operation))
            yield from _table("Answers", _answers(operation))
            yield "</section>"


def _parameters(operation: Schema) -> Iterator[tuple[str, str, str]]:
    for each in operation.get("parameters", ()):
        schema = each.get("schema", {})
        default = f" Default: {schema['default']}." if schema.get("default") is not None else ""
        yield each["name"], _kind(schema), escape(f"{each.get('description', '')}{default}")


def _answers(operation: Schema) -> Iterator[tuple[str, str, str]]:
    for status, answer in operation.get("responses", {}).items():
        content = answer.get("content", {}).get("application/json", {})
        yield status, _kind(content.get("schema", {})), escape(answer.get("description", ""))


def _objects(schemas: Mapping[str, Schema]) -> Iterator[str]:
    for name, schema in schemas.items():
        yield f'<section id="{escape(name)}"><h3><code>{escape(name)}</code></h3>'
        yield f"<p>{escape(schema.get('description', ''))}</p>"
        fields = schema.get("properties", {}).items()
        rows = ((key, _kind(each), escape(each.get("description", ""))) for key, each in fields)
        yield from _table("Fields", rows)
        yield "</section>"


def _table(caption: str, rows: Iterator[tuple[str, str, str]]) -> Iterator[str]:
    lines = [
        f"<tr><th><code>{escape(name)}</code></th><td>{kind}</td><td>{meaning}</td></tr>"
        for name, kind, meaning in rows
    ]
    if lines:
        yield f"<h4>{caption}</h4><table>"
        yield from lines
        yield "</table>"


def _kind(schema: Schema) -> str:
    """A schema in a few words of HTML, with a link to the object it names."""
    if "$ref" in schema:
        name = escape(str(schema["$ref"]).rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    for either in ("anyOf", "oneOf"):
        if either in schema:
            return " or ".join(_kind(each) for each in schema[either])
    if "enum" in schema:
        return ", ".join(f"<code>{escape(str(each))}</code>" for each in schema["enum"])
    if "const" in schema:
        return f"<code>{escape(str(schema['const']))}</code>"
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    return escape(str(schema.get("type", "any")))
