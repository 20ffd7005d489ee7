"""The JSON Schema for editors: up to date, and of one mind with the check."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from mappings.document import DocumentError, load
from mappings.json_schema import json_schema
from scripts import mapping_schema
from tests.mappings.samples import DOCUMENT, document
from tests.mappings.test_document import WHOLE

SCHEMA = json_schema()
VALIDATOR = Draft202012Validator(SCHEMA)
EXAMPLES = [
    each.read_text(encoding="utf-8") for each in files("mappings").joinpath("examples").iterdir()
]


def refused(text: str) -> bool:
    """Whether an editor would mark something."""
    return not VALIDATOR.is_valid(yaml.safe_load(text))


def checked(text: str) -> bool:
    """Whether the check takes it."""
    try:
        load(text)
    except DocumentError:
        return False
    return True


def test_it_is_a_json_schema_and_the_file_is_up_to_date() -> None:
    Draft202012Validator.check_schema(SCHEMA)

    assert json.dumps(SCHEMA, indent=2, ensure_ascii=False) + "\n" == mapping_schema.paper()
    assert mapping_schema.paper() == mapping_schema.PAPER.read_text(encoding="utf-8")


@pytest.mark.parametrize("text", [DOCUMENT, WHOLE, *EXAMPLES])
def test_what_the_check_takes_it_takes(text: str) -> None:
    assert (True, False) == (checked(text), refused(text))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "mapping: 1",
        document(("mapping: 1", "mapping: 2")),
        document(("issuer: main", "isuer: main")),
        document(("issuer: main\n", "")),
        document(("issuer: main", "issuer: two words")),
        document(("course-completion", "Course_Completion")),
        document(("site: moodle-main", "site: []")),
        document(("site: moodle-main", "site: [moodle-main, {}]")),
        document(('course: "BIO-*"', "course:")),
        document(("course:", "curse:")),
        document(('"{{ learner.email }}"', "")),
        document(('"{{ learner.email }}"', "[a]")),
        DOCUMENT + "priority: 1001",
        DOCUMENT + "priority: high",
        DOCUMENT + "certificate: classic",
        DOCUMENT + "certificate: {paper: a5}",
        DOCUMENT + "certificate: {parameters: {border: [1]}}",
        DOCUMENT + "again: {after: 300 weeks}",
        DOCUMENT + "again: {after: 300 days, before: 2 days}",
        DOCUMENT + "again: sometimes",
        DOCUMENT + "valid_for: 2 weeks",
        DOCUMENT + "valid_for: [2 years]",
        DOCUMENT + "write_back: {target: all}",
        DOCUMENT + "write_back: everywhere",
    ],
)
def test_a_mistake_of_keys_and_words_it_refuses_as_the_check_does(text: str) -> None:
    assert (False, True) == (checked(text), refused(text))


def test_what_stands_in_an_expression_only_the_check_can_judge() -> None:
    text = document(("learner.full_name", "learner.ful_name"))

    assert (False, False) == (checked(text), refused(text))


def undescribed(shape: Mapping[str, Any], key: str = "") -> list[str]:
    """The keys that an editor can say nothing of."""
    found = [] if (shape.get("description") and shape.get("examples")) or not key else [key]
    for group in (shape, *shape.get("anyOf", ())):
        for name, inner in group.get("properties", {}).items():
            if key != "again":
                found += undescribed(inner, f"{key}.{name}".strip("."))
    return found


def test_every_key_has_a_meaning_and_an_example() -> None:
    assert [] == undescribed(SCHEMA)


singles = st.sampled_from(
    ["main", "*", "a b", "", " ", "é", "never", "none", "a4", "1", "007", "300 days", "{{ site }}"]
) | st.sampled_from([0, 1, 7, 2000, 1.5, True, None])
values = st.recursive(
    singles,
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["after", "target", "paper", "language"]), inner)
    ),
    max_leaves=3,
)
places = st.sampled_from(
    [
        *((key,) for key in SCHEMA["properties"]),
        *(
            (key, inner)
            for key in ("match", "entry", "certificate", "write_back")
            for group in (SCHEMA["properties"][key], *SCHEMA["properties"][key].get("anyOf", ()))
            for inner in group.get("properties", ())
        ),
    ]
)


@settings(max_examples=150, deadline=None)
@given(places, values)
def test_it_refuses_nothing_that_the_check_takes(place: tuple[str, ...], value: Any) -> None:
    data = yaml.safe_load(DOCUMENT)
    group = data
    for key in place[:-1]:
        group = group.setdefault(key, {})
    group[place[-1]] = value
    text = yaml.safe_dump(data, allow_unicode=True)

    assert not (checked(text) and refused(text))
