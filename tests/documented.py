"""Whether a response is one that the OpenAPI document knows.

The document is what other people's programs rely on, so whatever the tests make
the server say is held to it: the status, the type of the body, the headers that
must be there, and the body itself, name by name. Readers of the document may
meet names they do not know; the tests may not.
"""

import functools
import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from jsonschema import Draft202012Validator

from authserver.web.api import openapi, routes
from authserver.web.api.answers import HTML
from authserver.web.messages import Request, Response

URL = "https://auth.example.org"
UNROUTED = {"404": "not_found", "405": "method_not_allowed"}


class Expected(NamedTuple):
    """What the document says of one response."""

    headers: frozenset[str]
    validators: Mapping[str, Draft202012Validator]  # by media type


def check(request: Request, response: Response) -> None:
    """Fail unless the document knows this response to this request."""
    status = str(int(response.status))
    path, method = _operation(request)
    if method == "options" and status == "204":
        return
    if response.content_type == HTML and status == "404":
        return  # what a browser gets that opens any address
    if not path or status == "405":
        payload = response.payload or {}
        assert payload.get("code") == UNROUTED.get(status), (request.path, status)
        return
    expected = _expected(path, method, status)
    sent = (*response.headers, *response.standing)
    names = {name.lower() for name, _ in sent}
    assert expected.headers <= names, (method, path, status, names)
    if not expected.validators:
        return
    validator = expected.validators.get(response.content_type)
    assert validator, f"{method} {path}: undocumented {response.content_type}"
    content: Any = response.body.decode()
    if response.payload is not None:
        content = json.loads(json.dumps(response.payload))
    elif response.content_type.endswith("json"):
        content = json.loads(content)
    faults = [fault.message for fault in validator.iter_errors(content)]
    assert not faults, (method, path, status, faults)


def _operation(request: Request) -> tuple[str, str]:
    """Return path and method as the document has them; no path if unknown."""
    method = "get" if request.method == "HEAD" else request.method.lower()
    paths = _document()["paths"]
    candidates = [
        each
        for each in paths
        if re.fullmatch(re.sub(r"{\w+}", "[^/]+", each), request.path)
    ]
    path = request.path if request.path in paths else "".join(candidates)
    return (path, method) if method in paths.get(path, {}) else ("", method)


@functools.cache
def _document() -> dict[str, Any]:
    return openapi.document(URL)


@functools.cache
def _expected(path: str, method: str, status: str) -> Expected:
    documented = _document()["paths"][path][method]["responses"]
    assert status in documented, f"{method} {path}: undocumented status {status}"
    response = documented[status]
    if "$ref" in response:
        name = response["$ref"].rpartition("/")[2]
        response = _document()["components"]["responses"][name]
    required = {
        name.lower()
        for name in response["headers"]
        if _document()["components"]["headers"][name]["required"]
    }
    validators = {
        media_type: Draft202012Validator(_closed(path, content["schema"]))
        for media_type, content in response.get("content", {}).items()
    }
    return Expected(frozenset(required), validators)


def _closed(path: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema with its reference filled in, and no other names."""
    if schema.get("$ref", "").endswith("/Problem"):
        base = _document()["components"]["schemas"]["Problem"]
        own = {**base["properties"], **schema["properties"]}
        schema = {**base, "properties": own}
    open_ones = {
        path for route in routes.ROUTES if route.success.open for path in route.paths
    }
    return schema if path in open_ones else _without_others(schema)


def _without_others(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_without_others(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: _without_others(each) for name, each in schema.items()}
    if "properties" in schema:
        closed["additionalProperties"] = False
    return closed
