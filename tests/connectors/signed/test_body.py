"""The body of a signed delivery: parser, schema and README say the same."""

from __future__ import annotations

import json
import re
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import jsonschema
import pytest

import connectors.signed
from connectors.base import Completion, Course, Grade, Learner, Malformed
from connectors.hostile import damaged
from connectors.signed.body import completions
from connectors.signed.settings import SignedSettingsSchema
from connectors.wild import Wild

FOLDER = Path(connectors.signed.__file__).parent
SCHEMA = json.loads((FOLDER / "body.schema.json").read_text("utf-8"))
README = (FOLDER / "README.md").read_text("utf-8")
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
RECORDED = Path(__file__).parent / "recordings" / "completed_in_full" / "body.raw"
FULL = json.loads(RECORDED.read_bytes())


def parse(message) -> list[Completion]:
    return list(completions(Wild.load(json.dumps(message))))


def with_data(**members):
    data = {**FULL["data"], **members}
    return {**FULL, "data": {k: v for k, v in data.items() if v is not ...}}


def is_parsed(message) -> bool:
    try:
        return parse(message) != []
    except Malformed:
        return False


def test_the_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_the_readmes_example_is_the_recording_byte_for_byte():
    [example] = re.findall(r"```json\n(.*?)```", README, re.DOTALL)

    assert RECORDED.read_bytes() == example.encode()


def test_the_readme_names_every_setting():
    assert all(f"`{name}`" in README for name in SignedSettingsSchema().fields)


def test_an_example_is_read_in_full():
    expected = Completion(
        course=Course(id="301", code="FS2", title="Food Safety Level 2", language="en"),
        learner=Learner(
            id="7",
            full_name="محمد علي",
            email="mohammed.ali@example.org",
            id_number="S001001",
            language="ar",
            custom={"department": "Kitchen"},
        ),
        noticed_at=datetime.fromisoformat("2026-11-23T09:30:05+00:00"),
        completed_at=datetime.fromisoformat("2026-11-23T09:30:00+04:00"),
        grade=Grade(percent=Decimal("91.5"), text="A-"),
        role="student",
        cohorts=("2026-autumn",),
        enrolled=24,
        extra={"order": 4711},
    )

    assert parse(FULL) == [expected]


def test_other_names_of_a_learner_are_told_too():
    names = {"preferred_name": "Mo Ali", "legal_name": "Mohammed bin Ali"}
    [told] = parse(with_data(learner={"id": "7", **names}))

    assert told.learner == Learner(id="7", **names)


def test_the_schema_knows_every_field_that_a_completion_has():
    data = SCHEMA["properties"]["data"]["properties"]
    fields = {
        "data": set(Completion.__dataclass_fields__) - {"noticed_at", "zone"},
        "course": set(Course.__dataclass_fields__),
        "learner": set(Learner.__dataclass_fields__),
        "grade": set(Grade.__dataclass_fields__),
    }

    assert fields == {
        "data": set(data),
        **{name: set(data[name]["properties"]) for name in ("course", "learner", "grade")},
    }


def test_schema_and_parser_agree_on_every_damaged_message():
    """But for what a schema cannot say: that there is such a day, and a whole text."""
    impossible = {"0000-00-00T00:00:00Z", "0001-01-01T00:00:00+14:00"}
    unstorable = {"\\ud800", "\\u0000"}
    tried = 0
    for message in damaged(FULL):
        text = json.dumps(message)
        if any(part in text for part in impossible | unstorable):
            continue
        tried += 1
        assert VALIDATOR.is_valid(message) == is_parsed(message), text
    assert tried > 300


@pytest.mark.parametrize("day", ["2026-02-30T00:00:00Z", "2026-01-01T24:00:01Z"])
def test_a_day_that_does_not_exist_is_malformed(day):
    with pytest.raises(Malformed) as caught:
        parse(with_data(completed_at=day))

    assert caught.value.path == "$.data.completed_at"


@pytest.mark.parametrize(
    "moment",
    [
        "2026-11-23",
        "2026-11-23T09:30:00",
        "2026-W48-1T09:30:00Z",
        "20261123T093000Z",
        "2026-11-23 09:30:00Z",
        1795426205,
    ],
)
def test_a_time_without_its_offset_or_of_another_form_is_refused_by_both(moment):
    message = with_data(completed_at=moment)

    assert not VALIDATOR.is_valid(message)
    assert not is_parsed(message)


@pytest.mark.parametrize("part", ["course", "learner", "grade"])
def test_a_misspelt_name_is_refused_and_named(part):
    message = with_data(**{part: {**FULL["data"][part], "fullname": "x"}})

    with pytest.raises(Malformed) as caught:
        parse(message)

    assert caught.value.path == f"$.data.{part}.fullname"
    assert not VALIDATOR.is_valid(message)


def test_another_type_is_not_looked_into():
    assert parse({"type": "course.enrolled"}) == []
