"""The API as an OpenAPI 3.1 document, made from the route table.

What dispatch goes by is what the document is made of: paths and methods from
the routes, bodies from the fields that validate them, refusals from the classes
that a route declares, words from the docstrings of endpoints and errors. So it
cannot promise what the server does not keep, and the tests hold every response
they see to it.

Each alias of a path is an operation of its own, since generators of clients and
tests know no other names for a path. Refusals are many and few of them differ
between routes, so they stand among the components: one for each status and set
of codes that occurs.

The document is made when it is first asked for and kept as bytes.
"""

import functools
import inspect
import json
import re
import sys
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from authserver import errors, identifiers
from authserver.settings import NAME, VERSION
from authserver.web import cookies, dispatch
from authserver.web.api import bodies, fields, routes, schemas
from authserver.web.api.answers import HTML, PAGE, Answer
from authserver.web.api.route import Refusals, Route
from authserver.web.api.schemas import Schema

DESCRIPTION = """\
Registers people, proves their contacts, logs them in and keeps their sessions.

Bodies are JSON objects of at most 64 KiB; unknown fields are ignored. Not JSON,
wherever it stands: a name twice, an integer beyond 2**53, more than 32 levels.

Every GET answers HEAD too, and every path answers OPTIONS. Refusals are RFC 9457
problems. Pages of listed origins may call with tokens, and get no cookies.
"""
# What the HTTP core may answer to any request, whatever the path.
WIRE: Refusals = (
    errors.MalformedRequest,
    errors.MethodNotAllowed,
    errors.RequestTimeout,
    errors.BodyTooLarge,
    errors.ExpectationFailed,
    errors.TargetTooLong,
    errors.HeadTooLarge,
    errors.InternalError,
    errors.UnknownTransferCoding,
    errors.UnsupportedVersion,
)
EXAMPLE_REQUEST_ID = "49a1a01a1459e92f"
PARAMETERS = {"id": bodies.ID, "code": "not_found", "name": "style.css"}
PARAMETERS["token"] = bodies.TOKEN
PARAMETERS["version"] = "3f1c0a9b8d7e6f54"
HEADERS: dict[str, tuple[str, str]] = {
    "X-Request-Id": (EXAMPLE_REQUEST_ID, "Finds the request in the server's log."),
    "WWW-Authenticate": ('Bearer realm="authserver"', "RFC 6750 section 3."),
    "Retry-After": ("60", "Seconds after which asking again may help."),
    "Allow": ("GET, HEAD, OPTIONS", "The methods that the path knows."),
    "Set-Cookie": (
        f"{cookies.SESSION}=n0t-real; Path=/; Secure; HttpOnly; SameSite=Strict",
        "For browsers.",
    ),
}
# Headers that every refusal of a status has.
OF_STATUS = {401: "WWW-Authenticate", 405: "Allow", 429: "Retry-After"}
OF_STATUS[503] = "Retry-After"
SECURITY_SCHEMES: dict[str, Schema] = {
    "metrics": {"type": "http", "scheme": "bearer", "description": "METRICS_TOKEN"},
    "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    "session": {"type": "apiKey", "in": "cookie", "name": cookies.SESSION},
    "reset": {"type": "apiKey", "in": "cookie", "name": cookies.RESET},
}


@functools.lru_cache(maxsize=1)
def encoded(public_url: str) -> bytes:
    """Return the document as JSON, for a server that is reached there."""
    return json.dumps(document(public_url), indent=1).encode("ascii")


def document(public_url: str) -> Schema:
    """Return the document."""
    shared = _Responses(public_url)
    paths: dict[str, Schema] = {}
    for route in routes.ROUTES:
        for path in route.paths:
            operation = _operation(route, path, shared)
            paths.setdefault(path, {})[route.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": NAME, "version": VERSION, "description": DESCRIPTION},
        "servers": [{"url": public_url}],
        "tags": _tags(),
        "paths": paths,
        "components": {
            "schemas": {"Problem": schemas.of_problem()},
            "headers": {name: _header(*each) for name, each in HEADERS.items()},
            "responses": shared.components,
            "securitySchemes": SECURITY_SCHEMES,
        },
    }


class _Responses:
    """The refusals that occurred so far, for operations to refer to."""

    def __init__(self, public_url: str) -> None:
        self._public_url = public_url
        self.components: dict[str, Schema] = {}

    def of_refusals(self, refusals: Refusals) -> dict[str, Schema]:
        """Return references to refusals by their status."""
        by_status: dict[int, dict[str, type[errors.AuthError]]] = {}
        for each in sorted(refusals, key=lambda each: (int(each.status), each.code)):
            by_status.setdefault(int(each.status), {})[each.code] = each
        return {
            str(status): self._reference(status, classes)
            for status, classes in by_status.items()
        }

    def _reference(
        self, status: int, classes: dict[str, type[errors.AuthError]]
    ) -> Schema:
        name = "-".join((str(status), *classes))
        if name not in self.components:
            self.components[name] = self._component(status, classes)
        return {"$ref": f"#/components/responses/{name}"}

    def _component(
        self, status: int, classes: dict[str, type[errors.AuthError]]
    ) -> Schema:
        schema = {
            "$ref": "#/components/schemas/Problem",
            "properties": {
                "status": {"const": status},
                "code": {"enum": list(classes)},
            },
        }
        examples = {
            code: {"summary": _first_line(each), "value": self._example(each)}
            for code, each in classes.items()
        }
        return {
            "description": " ".join(each.message for each in classes.values()),
            "headers": _headers(OF_STATUS.get(status)),
            "content": {
                dispatch.PROBLEM_JSON: {"schema": schema, "examples": examples},
                **_page(errors.NotFound in classes.values()),
            },
        }

    def _example(self, refusal: type[errors.AuthError]) -> Schema:
        if refusal is errors.RuleBroken:
            rule = identifiers.USERNAME_RULE
            error: errors.AuthError = errors.RuleBroken("username", rule)
        elif refusal is errors.InvalidBody:
            error = errors.InvalidBody(faults=(fields.NOT_TEXT.of("username"),))
        else:
            error = refusal()
        return dispatch.problem(self._public_url, error, EXAMPLE_REQUEST_ID)


def _operation(route: Route, path: str, shared: _Responses) -> Schema:
    canonical = route.paths[0]
    operation: Schema = {
        "operationId": _operation_id(route.method, path),
        "summary": _first_line(_function(route)),
        "description": _description(_function(route)),
        "tags": [_tag(route)],
        "security": [{each: []} if each else {} for each in route.credentials],
        "responses": {
            **_successes(route.success),
            **shared.of_refusals((*route.raises, *WIRE)),
        },
    }
    if path != canonical:
        operation["summary"] = f"Another name of {route.method} {canonical}."
        operation["x-same-as"] = _operation_id(route.method, canonical)
    parameters = re.findall(r"{(\w+)}", path)
    if parameters:
        operation["parameters"] = [_parameter(each) for each in parameters]
    if route.body:
        operation["requestBody"] = _request_body(route)
    return operation


def _operation_id(method: str, path: str) -> str:
    words = path.replace("{", "").replace("}", "").replace("-", "_").split("/")
    return "_".join((method.lower(), *(word or "root" for word in words[1:])))


def _parameter(name: str) -> Schema:
    return {
        "name": name,
        "in": "path",
        "required": True,
        "schema": {"type": "string", "minLength": 1},
        "example": PARAMETERS[name],
    }


def _request_body(route: Route) -> Schema:
    examples = schemas.body_examples(route.body, route.rules)
    return {
        "required": len(examples["least"]) > 0,
        "content": {
            "application/json": {
                "schema": schemas.of_body(route.body, route.rules),
                "examples": {name: {"value": each} for name, each in examples.items()},
            }
        },
    }


def _successes(answer: Answer) -> dict[str, Schema]:
    content = {"schema": schemas.of_answer(answer), "example": answer.example}
    success: Schema = {
        "description": answer.status.phrase,
        "headers": _headers("Set-Cookie" if answer.cookies else None),
        "content": dict.fromkeys(answer.media_types, content) | _page(answer.page),
    }
    responses = {str(int(answer.status)): success}
    if answer.unchanged:
        unchanged = HTTPStatus.NOT_MODIFIED
        responses[str(int(unchanged))] = {
            "description": unchanged.phrase,
            "headers": _headers(None),
        }
    return responses


def _page(*there: bool) -> dict[str, Schema]:
    """Return what browsers get that open an address: a page."""
    page = schemas.of_answer(PAGE)
    return {HTML: {"schema": page, "example": PAGE.example}} if any(there) else {}


def _headers(name: str | None) -> dict[str, Schema]:
    names = ("X-Request-Id", name) if name else ("X-Request-Id",)
    return {each: {"$ref": f"#/components/headers/{each}"} for each in names}


def _header(example: str, description: str) -> Schema:
    # A browser of another origin gets no cookie, so that header may be absent.
    return {
        "description": description,
        "required": not description.startswith("For browsers"),
        "schema": {"type": "string"},
        "example": example,
    }


def _function(route: Route) -> Callable[..., Any]:
    function: Callable[..., Any] = inspect.unwrap(route.endpoint)
    return function


def _tag(route: Route) -> str:
    return _function(route).__module__.rpartition(".")[2]


def _tags() -> list[Schema]:
    modules = {_tag(route): _function(route).__module__ for route in routes.ROUTES}
    return [
        {"name": tag, "description": _first_line(sys.modules[module])}
        for tag, module in modules.items()
    ]


def _first_line(documented: object) -> str:
    return (documented.__doc__ or "").partition("\n")[0]


def _description(endpoint: Callable[..., Any]) -> str:
    lines = (endpoint.__doc__ or "").splitlines()[1:]
    return "\n".join(line.strip() for line in lines).strip()
