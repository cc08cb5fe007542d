"""JSON Schemas from our declarations: of bodies, of answers, of problems.

OpenAPI 3.1 speaks plain JSON Schema (draft 2020-12). A body's schema says what
`fields.read` accepts, no more and no less: one that fits is never refused as
`invalid_body`. What a schema cannot know -- whether a password is common, what
makes a phone number -- is a rule of the product and refused with 422.

A field with several names is written as what must be there, so that a reader
sees the names side by side:

    required        oneOf: required [username] | required [name]
    optional        not: required [phone, mobile_number]
    a choice        oneOf: required [password] | required [pwd] | required [otp]
"""

import itertools
from collections.abc import Iterable, Mapping
from typing import Any

from authserver import errors
from authserver.web.api.answers import Answer
from authserver.web.api.fields import MAX_OTP, Choice, Field, Needs, OtpField, Rule

Schema = dict[str, Any]

_TYPES = {bool: "boolean", int: "integer", str: "string"}


def of_body(declared: tuple[Field, ...], rules: tuple[Rule, ...]) -> Schema:
    """Return the schema of a body."""
    names = {field.name: (field.name, *field.aliases) for field in declared}
    schema: Schema = {
        "type": "object",
        "properties": {
            name: _of_field(field) for field in declared for name in names[field.name]
        },
    }
    alone = [each.name for each in declared if each.required and not each.aliases]
    if alone:
        schema["required"] = alone
    chosen = {
        name
        for rule in rules
        if isinstance(rule, Choice) and not rule.several
        for name in rule.names
    }
    constraints = [_of_rule(rule, names) for rule in rules]
    for field in declared:
        if field.required and field.aliases:
            constraints.append({"oneOf": _present(names[field.name])})
        elif field.name not in chosen:
            constraints += _at_most_one(names[field.name])
    if constraints:
        schema["allOf"] = constraints
    return schema


def body_examples(
    declared: tuple[Field, ...], rules: tuple[Rule, ...]
) -> dict[str, Schema]:
    """Return bodies that are accepted: the least, the most, and older names."""
    choices = [rule for rule in rules if isinstance(rule, Choice)]
    first = {rule.names[0] for rule in choices}
    excluded = {n for rule in choices if not rule.several for n in rule.names[1:]}
    least = [each for each in declared if each.required or each.name in first]
    most = [each for each in declared if each.name not in excluded]
    examples = {
        "least": {each.name: each.example for each in least},
        "most": {each.name: each.example for each in most},
        "older_names": {(each.name, *each.aliases)[-1]: each.example for each in least},
    }
    distinct: dict[str, Schema] = {}
    for name, example in examples.items():
        if example not in distinct.values():
            distinct[name] = example
    return distinct


def of_answer(answer: Answer) -> Schema:
    """Return the schema of a success."""
    return _of_example(answer.example, answer)


def of_problem() -> Schema:
    """Return the schema that all refusals have in common (RFC 9457)."""
    text = {"type": "string"}
    fault = {
        "type": "object",
        "required": ["field", "message", "code"],
        "properties": {"field": text, "message": text, "code": text},
    }
    return {
        "type": "object",
        "required": ["type", "title", "status", "detail", "code", "request_id"],
        "properties": {
            "type": {"type": "string", "format": "uri"},
            "title": text,
            "status": {"type": "integer"},
            "detail": text,
            "code": {"enum": sorted(each.code for each in errors.every())},
            "request_id": text,
            "errors": {"type": "array", "items": fault},
        },
    }


def _of_field(field: Field) -> Schema:
    if isinstance(field.example, bool):
        return {"type": "boolean"}
    if field.choices:
        return {"enum": list(field.choices)}
    if isinstance(field, OtpField):
        # Another text is not malformed, it is a wrong code.
        text = {"type": "string", "pattern": "^[0-9]{6}$"}
        number = {"type": "integer", "minimum": 1, "maximum": MAX_OTP}
        return {"oneOf": [text, number]}
    return {"type": "string", "maxLength": field.max_chars}


def _of_rule(rule: Rule, names: Mapping[str, tuple[str, ...]]) -> Schema:
    if isinstance(rule, Needs):
        without = {"not": {"required": [rule.name]}}
        return {"anyOf": [without, *_present(names[rule.other])]}
    every = itertools.chain.from_iterable(names[name] for name in rule.names)
    return {"anyOf" if rule.several else "oneOf": _present(every)}


def _present(names: Iterable[str]) -> list[Schema]:
    return [{"required": [name]} for name in names]


def _at_most_one(names: tuple[str, ...]) -> list[Schema]:
    pairs = itertools.combinations(names, 2)
    return [{"not": {"required": list(pair)}} for pair in pairs]


def _of_example(example: object, answer: Answer) -> Schema:
    if isinstance(example, Mapping):
        required = [name for name in example if name not in answer.optional]
        return {
            "type": "object",
            "required": required,
            "properties": {
                name: _of_member(name, value, answer) for name, value in example.items()
            },
        }
    if isinstance(example, list):
        return {"type": "array", "items": _of_example(example[0], answer)}
    return {"type": _TYPES[type(example)]}


def _of_member(name: str, value: object, answer: Answer) -> Schema:
    schema = _of_example(value, answer)
    if name in answer.nullable:
        schema["type"] = [schema["type"], "null"]
    return schema
