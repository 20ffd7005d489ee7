"""The README and the role preset say what the code needs, and no more."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import connectors.moodle
from connectors.moodle.certificates import CONTENTS, ISSUES
from connectors.moodle.checks import FUNCTIONS, IMPORT
from connectors.moodle.completions import HEADING, REPORT
from connectors.moodle.deliveries import COMPLETED
from connectors.moodle.errors import CAPABILITIES
from connectors.moodle.settings import MoodleSettingsSchema
from tests.connectors.moodle.fake import CAPTURES

FOLDER = Path(connectors.moodle.__file__).parent
README = (FOLDER / "README.md").read_text("utf-8")
#: facts observed: the least with which every call worked, with the user enrolled nowhere.
LEAST = {
    "webservice/rest:use",
    "moodle/course:view",
    "moodle/user:viewdetails",
    "moodle/site:viewuseridentity",
    "moodle/course:viewparticipants",
    "report/completion:view",
    "gradereport/user:view",
    "moodle/grade:viewall",
    "mod/assign:view",
    "mod/assign:grade",
    "mod/assign:viewgrades",
}
#: The order that Moodle's role_schema.xml demands.
ORDER = [
    "shortname",
    "name",
    "description",
    "archetype",
    "contextlevels",
    "allowassign",
    "allowoverride",
    "allowswitch",
    "permissions",
]

#: Functions whose rights the preset does not give: not every institution needs them.
RARE = (IMPORT, ISSUES)


def role() -> ET.Element:
    return ET.parse(FOLDER / "role.xml").getroot()  # noqa: S314 - our own file


def test_the_role_preset_is_of_the_form_that_moodle_imports():
    assert role().tag == "role"
    assert [child.tag for child in role()] == ORDER
    assert [level.text for level in role().iter("level")] == ["system"]
    assert {child.tag for child in role().find("permissions")} == {"allow"}


def test_the_role_preset_allows_the_least_that_works():
    allowed = [allow.text for allow in role().iter("allow")]

    assert sorted(LEAST) == allowed


def test_what_errors_ask_to_grant_is_in_the_preset_or_for_what_few_need():
    asked = {c for name, needed in CAPABILITIES.items() if name not in RARE for c in needed}

    assert asked <= LEAST


def test_what_errors_ask_to_grant_was_observed_to_suffice():
    observed = (CAPTURES / "minimal_capabilities.json").read_text("utf-8")

    for needed in CAPABILITIES.values():
        assert all(capability in observed for capability in needed)


def test_the_readme_names_every_function_capability_and_setting():
    names = [
        *FUNCTIONS,
        IMPORT,
        REPORT,
        CONTENTS,
        ISSUES,
        *(capability for name in RARE for capability in CAPABILITIES[name]),
        *MoodleSettingsSchema().fields,
        COMPLETED,
        "role.xml",
    ]

    assert [name for name in names if f"`{name}`" not in README] == []


def test_the_readme_names_the_columns_that_the_report_must_have():
    for column in ("Full name with link", "Course short name with link", HEADING):
        assert f"*{column}*" in README


def test_the_readme_lists_no_function_that_is_not_used():
    named = set(re.findall(r"`((?:core|mod|gradereport)_[a-z_]+)`", README))

    assert named == {*FUNCTIONS, IMPORT, REPORT, CONTENTS, ISSUES}
