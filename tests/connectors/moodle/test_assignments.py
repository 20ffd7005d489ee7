"""Whether a course has its assignment, and making one from the template course."""

from __future__ import annotations

import copy

import pytest

from connectors.base import Permanent, Target
from tests.connectors.moodle.fake import FakeMoodle, always, body, capture
from tests.connectors.moodle.sites import moodle

IMPORT = "core_course_import_course"
ITEMS = "gradereport_user_get_grade_items"
TITLE = "Water Safety & Rescue – Basics"
FOUND = Target(course_id="2", title=TITLE, found=True)


class Importing(FakeMoodle):
    """A Moodle whose course 2 gets the assignment when the template, course 6, is imported."""

    def __init__(self, *, hidden: bool = False, **functions) -> None:
        super().__init__(**functions)
        self._item, self._assignment = self.items.pop(0), self.assignments.pop(0)
        self._hidden = hidden

    def _core_course_import_course(self, form):
        assert form == {
            "importfrom": "6",
            "importto": "2",
            "deletecontent": "0",
            "options[0][name]": "activities",
            "options[0][value]": "1",
            "options[1][name]": "blocks",
            "options[1][value]": "0",
            "options[2][name]": "filters",
            "options[2][value]": "0",
        }
        self.assignments.append(self._assignment)
        if not self._hidden:
            self.items.insert(0, self._item)
        return super()._core_course_import_course(form)

    def _mod_assign_get_assignments(self, form):
        answer = super()._mod_assign_get_assignments(form)
        if "6" in form.values():
            template = copy.deepcopy(body("mod_assign_get_assignments")["courses"][0])
            template |= {"id": 6, "assignments": [{**self._assignment, "id": 60}]}
            answer["courses"].append(template)
        return answer


def test_a_course_with_a_fit_assignment_is_a_target():
    assert moodle(FakeMoodle()).targets(["2"]) == [FOUND]


def test_courses_without_one_or_with_an_unfit_one_say_what_is_wrong():
    [missing] = moodle(FakeMoodle(), assignment_idnumber="none").targets(["2"])
    [graded] = moodle(FakeMoodle(), assignment_idnumber="certg-WS101").targets(["2"])

    assert (missing.title, missing.found) == (TITLE, False)
    assert "no assignment with the ID number “none”" in missing.problem
    assert (graded.title, graded.found) == (TITLE, False)
    assert "gives grades" in graded.problem
    assert missing.remedy
    assert graded.remedy


def test_a_course_that_is_gone_does_not_stop_the_others():
    [good, gone, again] = moodle(FakeMoodle()).targets(["2", "9999", "2"])

    assert (good, again) == (FOUND, FOUND)
    assert (gone.course_id, gone.title, gone.found) == ("9999", None, False)
    assert "invalidrecord" in gone.problem


def test_a_course_without_participants_is_looked_at_as_the_service_user():
    server = FakeMoodle(core_enrol_get_enrolled_users=lambda _: [])

    assert moodle(server).targets(["2"]) == [FOUND]
    assert server.called(ITEMS) == [{"courseid": "2", "userid": "230"}]


def test_a_capability_missing_everywhere_stops_the_site():
    server = FakeMoodle(core_enrol_get_enrolled_users=always("err_get_enrolled_users_no_cap"))

    with pytest.raises(Permanent) as caught:
        moodle(server).targets(["2", "3"])

    assert "moodle/course:view" in caught.value.remedy


def test_the_template_is_imported_where_there_is_none():
    server = Importing()

    assert moodle(server, template_course_id="6").create_target("2") == FOUND
    assert server.imports == [("6", "2")]


def test_creating_twice_imports_once():
    server = Importing()
    connector = moodle(server, template_course_id="6")

    assert connector.create_target("2") == connector.create_target("2")
    assert server.imports == [("6", "2")]


def test_a_copy_that_the_gradebook_hides_is_not_imported_again():
    server = Importing(hidden=True)
    connector = moodle(server, template_course_id="6")
    first, second = connector.create_target("2"), connector.create_target("2")

    assert first == second
    assert not first.found
    assert "show it in the gradebook" in first.remedy
    assert server.imports == [("6", "2")]


def test_nothing_is_imported_beside_an_unfit_assignment():
    server = FakeMoodle()
    connector = moodle(server, template_course_id="6", assignment_idnumber="certg-WS101")

    assert not connector.create_target("2").found
    assert server.imports == []


def test_the_template_is_not_imported_into_itself():
    server = FakeMoodle()
    server.assignments.clear()
    connector = moodle(server, template_course_id="2", assignment_idnumber="none")

    assert not connector.create_target("2").found
    assert server.imports == []


def test_without_a_template_it_says_how_to_name_one():
    with pytest.raises(Permanent) as caught:
        moodle(FakeMoodle()).create_target("2")

    assert "template_course_id" in caught.value.remedy


@pytest.mark.parametrize("name", ["core_course_import_course", "core_course_import_course_no_cap"])
def test_a_missing_right_to_import_is_named(name):
    server = Importing(**{IMPORT: lambda _: capture(name)})

    with pytest.raises(Permanent) as caught:
        moodle(server, template_course_id="6").create_target("2")

    assert "moodle/restore:restoretargetimport" in caught.value.remedy


def test_a_course_that_cannot_be_looked_at_is_not_imported_into():
    server = FakeMoodle()

    with pytest.raises(Permanent):
        moodle(server, template_course_id="6").create_target("9999")

    assert server.imports == []
