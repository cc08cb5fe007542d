"""The OpenAPI document as a page to read, without a script.

What `/docs` shows where Swagger UI is not installed. Everything on it comes out
of the document, so there is nothing here to keep up to date; and everything is
escaped on its way, whatever it is.
"""

import functools
import html
import json
from collections.abc import Iterable

from authserver.web.api import openapi
from authserver.web.api.schemas import Schema

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<link rel="icon" href="{static}/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="{static}/style.css">
<link rel="stylesheet" href="{static}/docs.css">
</head>
<body>
<header>
<a class="brand" href="./"><img src="{static}/icon.svg" alt="" height="24">{name}</a>
</header>
<main>
<h1>{title}</h1>
{content}
</main>
</body>
</html>
"""


@functools.lru_cache(maxsize=1)
def page(public_url: str, static: str) -> bytes:
    """Return the page, for a server that is reached there."""
    document = openapi.document(public_url)
    info = document["info"]
    parts = [f"<p>{_text(part)}</p>" for part in info["description"].split("\n\n")]
    parts.append('<p>For programs: <a href="openapi.json">openapi.json</a>.</p>')
    for tag in document["tags"]:
        parts.append(f"<h2>{_text(tag['description'])}</h2>")
        parts += _operations(document, tag["name"])
    title = _text(f"API of {info['title']} {info['version']}")
    content = "\n".join(parts)
    name = _text(info["title"])
    return _PAGE.format(title=title, static=static, name=name, content=content).encode()


def _operations(document: Schema, tag: str) -> Iterable[str]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if operation["tags"] == [tag]:
                yield from _operation(document, f"{method.upper()} {path}", operation)


def _operation(document: Schema, title: str, operation: Schema) -> Iterable[str]:
    anchor = html.escape(operation["operationId"])
    yield f'<h3 id="{anchor}"><code>{_text(title)}</code></h3>'
    summary = _text(operation["summary"])
    if "x-same-as" in operation:
        yield f'<p><a href="#{html.escape(operation["x-same-as"])}">{summary}</a></p>'
        return
    yield f"<p>{summary} {_text(operation['description'])}</p>"
    known = [" or ".join(each) or "nothing" for each in operation["security"]]
    if known:
        yield f"<p>Known by: {_text(', '.join(known))}.</p>"
    if "requestBody" in operation:
        content = operation["requestBody"]["content"]["application/json"]
        for name, example in content["examples"].items():
            yield _example(f"Body ({name.replace('_', ' ')})", example["value"])
        yield _example("Schema of the body", content["schema"], folded=True)
    refusals = []
    for status, response in operation["responses"].items():
        if "$ref" in response:
            refusals.append(_refusal(document, status, response["$ref"]))
        elif response.get("content"):
            content = next(iter(response["content"].values()))
            yield _example(f"Answer {status}", content["example"])
    rows = "\n".join(refusals)
    yield f"<details><summary>Refusals</summary><table>\n{rows}\n</table></details>"


def _refusal(document: Schema, status: str, reference: str) -> str:
    name = reference.rpartition("/")[2]
    response = document["components"]["responses"][name]
    content = response["content"]["application/problem+json"]
    links = ", ".join(
        f'<a href="problems/{html.escape(code)}"><code>{_text(code)}</code></a>'
        for code in content["examples"]
    )
    return (
        f"<tr><th>{_text(status)}</th><td>{links}</td>"
        f"<td>{_text(response['description'])}</td></tr>"
    )


def _example(title: str, value: object, *, folded: bool = False) -> str:
    shown = value if isinstance(value, str) else json.dumps(value, indent=2)
    opened = "" if folded else " open"
    return (
        f"<details{opened}><summary>{_text(title)}</summary>"
        f"<pre>{_text(shown)}</pre></details>"
    )


def _text(value: str) -> str:
    return html.escape(value)
