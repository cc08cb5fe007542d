"""The OpenAPI document: valid, complete, and true in its examples."""

import json
import subprocess
import sys

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from authserver import errors
from authserver.web.api import docs_page, fields, openapi, schemas
from authserver.web.api.routes import ROUTES
from tests.processes import ROOT

URL = "https://auth.example.org"
DOCUMENT = openapi.document(URL)
OPERATIONS = [
    (route, path, DOCUMENT["paths"][path][route.method.lower()])
    for route in ROUTES
    for path in route.paths
]
WITH_BODIES = [each for each in OPERATIONS if each[0].body]
TOO_LONG = "x" * (fields.MAX_TEXT_CHARS + 1)

operations = pytest.mark.parametrize(("route", "path", "operation"), OPERATIONS)
with_bodies = pytest.mark.parametrize(("route", "path", "operation"), WITH_BODIES)


def body_of(operation):
    """The schema of a body, and its examples."""
    content = operation["requestBody"]["content"]["application/json"]
    examples = [each["value"] for each in content["examples"].values()]
    return Draft202012Validator(content["schema"]), examples


def accepted(route, body):
    """Whether the declaration that validates requests takes this body."""
    try:
        fields.read(route.body, body, route.rules)
    except errors.InvalidBody:
        return False
    return True


def variants(route):
    """Bodies around what is right: each name left out, doubled, mistyped."""
    every = {
        name: each.example for each in route.body for name in (each.name, *each.aliases)
    }
    whole = {each.name: each.example for each in route.body}
    bodies = [{}, whole, every]
    for base in (
        whole,
        *openapi.schemas.body_examples(route.body, route.rules).values(),
    ):
        bodies += [{k: v for k, v in base.items() if k != name} for name in base]
        bodies += [base | {name: value} for name, value in every.items()]
        for other in (None, 1, True, ["x"], {"x": 1}, TOO_LONG, "colour"):
            bodies += [base | {name: other} for name in base if name != "otp"]
        for code in (0, 1, 999_999, 1_000_000, -1, True, None, ["1"]):
            bodies += [base | {"otp": code} for name in base if name == "otp"]
    return bodies


def test_it_is_valid():
    validate(DOCUMENT)


def test_it_is_what_the_server_sends(wire):
    answer = wire.request("GET", "/openapi.json")

    assert answer.header("Content-Type") == "application/json"
    assert answer.payload == json.loads(json.dumps(DOCUMENT))


def test_no_server_makes_it_unasked():
    names = [each.__name__ for each in (docs_page, openapi, schemas)]
    loaded = " or ".join(f"{each!r} in sys.modules" for each in names)
    program = f"import sys, authserver; sys.exit({loaded})"

    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT).returncode == 0


def test_every_route_is_in_it_and_nothing_else():
    documented = {
        (method.upper(), path)
        for path, operations in DOCUMENT["paths"].items()
        for method in operations
    }

    assert documented == {(r.method, path) for r in ROUTES for path in r.paths}


def test_names_of_operations_are_unique():
    names = [operation["operationId"] for _, _, operation in OPERATIONS]

    assert len(set(names)) == len(names)


@operations
def test_every_declared_refusal_has_an_example(route, path, operation):
    codes = {
        code
        for response in operation["responses"].values()
        if "$ref" in response
        for code in referred(response)["content"]["application/problem+json"][
            "examples"
        ]
    }

    assert {each.code for each in (*route.raises, *openapi.WIRE)} == codes


@pytest.mark.parametrize("response", DOCUMENT["components"]["responses"].values())
def test_examples_of_refusals_fit_their_schema(response):
    content = response["content"]["application/problem+json"]
    validator = Draft202012Validator({**DOCUMENT, **content["schema"]})

    for example in content["examples"].values():
        validator.validate(example["value"])


@operations
def test_example_of_success_fits_its_schema(route, path, operation):
    response = operation["responses"][str(int(route.success.status))]

    for content in response["content"].values():
        Draft202012Validator(content["schema"]).validate(content["example"])


@with_bodies
def test_examples_of_a_body_are_accepted(route, path, operation):
    validator, examples = body_of(operation)

    assert all(validator.is_valid(each) for each in examples)
    assert all(accepted(route, each) for each in examples)


@with_bodies
def test_the_schema_of_a_body_says_what_is_accepted(route, path, operation):
    validator, _ = body_of(operation)
    wrong = [
        body
        for body in variants(route)
        if validator.is_valid(body) != accepted(route, body)
    ]

    assert wrong == []


def referred(response):
    name = response["$ref"].rpartition("/")[2]
    return DOCUMENT["components"]["responses"][name]
