"""What one Moodle site is configured with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import marshmallow as ma

from connectors.fields import BaseUrl, Secrets, at_least, random_text

_id = ma.validate.Regexp(r"\A[1-9][0-9]{0,18}\Z", error="Give the number in the course's address.")


def _profile_field(label: str, what: str, example: str) -> ma.fields.String:
    return ma.fields.String(
        load_default=None,
        allow_none=True,
        validate=ma.validate.Length(min=1, max=255),
        metadata={
            "label": label,
            "help": f"The short name of the custom profile field that holds {what}, if there is "
            "one besides the name that Moodle shows.",
            "example": example,
        },
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MoodleSettings:
    """One Moodle site; secrets never show in its repr."""

    base_url: str  #: Moodle's wwwroot, without a slash at its end
    token: str = field(repr=False)  #: of the web service
    webhook_tokens: tuple[str, ...] = field(repr=False)  #: each of them live
    assignment_idnumber: str = "vaultbridge"
    template_course_id: str | None = None
    check_course_id: str | None = None
    completions_report_id: str | None = None
    customcert_name: str | None = None
    knows_staff: bool = False
    preferred_name_field: str | None = None
    legal_name_field: str | None = None


class MoodleSettingsSchema(ma.Schema):
    """The form of these settings: validation, help and which of them are secret."""

    base_url = BaseUrl(
        required=True,
        metadata={
            "label": "Moodle’s address",
            "help": "Moodle's own address, as it stands in its config.php as wwwroot.",
            "example": "https://moodle.example.edu",
        },
    )
    token = ma.fields.String(
        required=True,
        validate=ma.validate.Regexp(r"\A[!-~]{8,255}\Z", error="Give the token and nothing else."),
        metadata={
            "label": "Web service token",
            "secret": True,
            "help": "The web service token of the service user (Site administration → Server → "
            "Web services → Manage tokens).",
            "example": "0123456789abcdef0123456789abcdef",
        },
    )
    webhook_tokens = Secrets(
        required=True,
        check=at_least(16),
        metadata={
            "label": "Webhook tokens",
            "secret": True,
            "help": "The secrets that may stand in the token field of the webhook service in "
            "Moodle, one a line. Two are live while you change from one to the other.",
            "make": random_text,
            "example": ["a-long-random-text-of-your-own"],
        },
    )
    assignment_idnumber = ma.fields.String(
        load_default="vaultbridge",
        validate=ma.validate.Length(min=1, max=100),
        metadata={
            "label": "The assignment’s ID number",
            "help": "The ID number of the assignment in each course into which certificates are "
            "written as feedback.",
            "example": "vaultbridge",
        },
    )
    template_course_id = ma.fields.String(
        load_default=None,
        allow_none=True,
        validate=_id,
        metadata={
            "label": "Template course",
            "help": "The course that holds this assignment and nothing else; it is imported into "
            "courses that have none. The number after id= in the course's address.",
            "example": "6",
        },
    )
    check_course_id = ma.fields.String(
        load_default=None,
        allow_none=True,
        validate=_id,
        metadata={
            "label": "Course to check with",
            "help": "A course with learners in it, in which `site check` tries the permissions. "
            "Without it, the first course found is taken.",
            "example": "2",
        },
    )

    completions_report_id = ma.fields.String(
        load_default=None,
        allow_none=True,
        validate=_id,
        metadata={
            "label": "Report of completions",
            "help": "The custom report that lists completions, by which those are found that the "
            "webhook never told. The number after id= in the report's address.",
            "example": "1",
        },
    )

    customcert_name = ma.fields.String(
        load_default=None,
        allow_none=True,
        validate=ma.validate.Length(min=1, max=255),
        metadata={
            "label": "Custom certificate activity",
            "help": "The name of the activity Custom certificate (mod_customcert) in each course "
            'whose PDF is issued where a mapping says `certificate: {from: lms}`; "*" where each '
            "course has one at most, whatever its name.",
            "example": "*",
        },
    )

    knows_staff = ma.fields.Boolean(
        load_default=False,
        metadata={
            "label": "Ask who is staff",
            "help": "Whether the bridge asks who runs a course, so that a teacher who completes it "
            "is held: yes or no. It needs moodle/role:review.",
            "example": "yes",
        },
    )
    preferred_name_field = _profile_field(
        "Profile field: preferred name", "the name a learner wants to be called by", "chosen_name"
    )
    legal_name_field = _profile_field(
        "Profile field: legal name", "the name in a learner's papers", "passport_name"
    )

    @ma.post_load
    def build(self, data: dict[str, Any], **_: Any) -> MoodleSettings:
        """The settings as a frozen value."""
        return MoodleSettings(**{**data, "webhook_tokens": tuple(data["webhook_tokens"])})
