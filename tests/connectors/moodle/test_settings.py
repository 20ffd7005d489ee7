"""What a Moodle site's settings take and refuse."""

from __future__ import annotations

import marshmallow as ma
import pytest

from connectors.fields import secret_names
from connectors.moodle.settings import MoodleSettings, MoodleSettingsSchema
from tests.connectors.moodle.sites import SETTINGS

LEAST = {key: SETTINGS[key] for key in ("base_url", "token", "webhook_tokens")}


def refused(**members) -> dict:
    with pytest.raises(ma.ValidationError) as caught:
        MoodleSettingsSchema().load({**LEAST, **members})
    return caught.value.messages


def test_the_least_that_is_needed_has_good_defaults():
    assert MoodleSettingsSchema().load(LEAST) == MoodleSettings(
        base_url="http://127.0.0.1:8080",
        token=SETTINGS["token"],
        webhook_tokens=("s3cret-webhook-token",),
        assignment_idnumber="vaultbridge",
    )


def test_both_kinds_of_token_are_secret():
    assert secret_names(MoodleSettingsSchema) == {"token", "webhook_tokens"}


def test_the_last_slash_of_the_address_is_dropped():
    settings = MoodleSettingsSchema().load({**LEAST, "base_url": "https://a.example/lms/"})

    assert settings.base_url == "https://a.example/lms"


def test_secrets_may_come_as_one_text_a_line_each():
    text = "a-long-random-text-1\na-long-random-text-2\n"
    settings = MoodleSettingsSchema().load({**LEAST, "webhook_tokens": text})

    assert settings.webhook_tokens == ("a-long-random-text-1", "a-long-random-text-2")


@pytest.mark.parametrize(
    "address",
    [
        "moodle.example.edu",
        "ftp://moodle.example.edu",
        "https://",
        "https://user:pass@moodle.example.edu",
        "https://moodle.example.edu?x=1",
        "https://moodle.example.edu#x",
        "https://moodle.example.edu:99999",
        "https://moodle.example.edu:0",
        "https://[::1",
        "https://moodle example.edu",
        "https://moodle.example.edu/\n",
        "javascript:alert(1)",
    ],
)
def test_what_is_no_plain_web_address_is_refused(address):
    assert "https://moodle.example.edu" in refused(base_url=address)["base_url"][0]


@pytest.mark.parametrize("secrets", [[], "", "short", ["short"], ["a-long-random-text-1", "b"]])
def test_too_few_or_too_short_secrets_are_refused(secrets):
    assert list(refused(webhook_tokens=secrets)) == ["webhook_tokens"]


def test_a_refused_secret_is_not_repeated_in_the_error():
    assert "hunter2" not in str(refused(webhook_tokens=["hunter2"], token="hunter2 hunter2"))


@pytest.mark.parametrize("number", ["0", "-1", "x", "6 ", "https://m.example/course/view.php?id=6"])
@pytest.mark.parametrize("name", ["template_course_id", "check_course_id", "completions_report_id"])
def test_a_course_is_named_by_its_number(name, number):
    assert list(refused(**{name: number})) == [name]
