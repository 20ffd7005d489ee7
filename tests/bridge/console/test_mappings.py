"""Mappings in the console: the list, the editor, versions, and bringing them into use."""

from __future__ import annotations

import json
import re
from hashlib import sha256

import pytest

from bridge.people.roles import Limits, Role
from bridge.store import tables
from bridge.store.states import MappingState
from tests.bridge.console.conftest import Browser, SignedIn
from tests.bridge.world import MAPPING, SECOND, SITE, World

NAME = "course-completion"
MINE = MAPPING.replace("Certificate of Completion", "Diploma")


@pytest.fixture
def kind() -> str:
    """The pages are the same on either database."""
    return "sqlite"


def sha(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def states(world: World) -> list[tuple[str, int, str]]:
    return [(row.name, row.version, row.state) for row in world.rows(tables.mapping_version)]


def save(browser: Browser, text: str, since: str = MAPPING) -> int:
    answer = browser.post(
        "/mapping-editor", act="save", document=text, since=sha(since), reason="as the dean says"
    )
    return answer.status_code


def test_the_list_stands_in_the_order_in_which_they_are_asked(
    world: World, signed_in: SignedIn
) -> None:
    world.add_mapping(
        (f"name: {NAME}", "name: biology\npriority: 10"), ('course: "*"', 'course: "BIO-*"')
    )
    world.add_mapping((f"name: {NAME}", "name: not-yet"), state=MappingState.DRAFT)
    world.issue("ada")

    text = signed_in().text("/mappings")

    names = re.findall(r'href="/console/mappings/([a-z-]+)"', text)
    assert ["biology", NAME, "not-yet"] == names
    assert 3 == len(re.findall(r'class="state state-(?:published|draft)"', text))
    assert re.search(r"Certificates </span>1</td>", text)


def test_a_draft_is_kept_compared_published_restored_and_taken_out_of_use(
    world: World, signed_in: SignedIn
) -> None:
    admin = signed_in(Role.ADMIN)
    assert "Marine" not in admin.text(f"/mapping-editor?name={NAME}")

    assert 303 == save(admin, MINE)
    page = admin.text(f"/mappings/{NAME}?old=1&new=2")
    refused = admin.post(f"/mappings/{NAME}", act="publish", version="2", reason=" ")
    admin.post(f"/mappings/{NAME}", act="publish", version="2", reason="agreed")
    admin.post(f"/mappings/{NAME}", act="restore", version="1", reason="too early")
    admin.post(f"/mappings/{NAME}", act="deactivate", reason="closed")

    assert '<span class="gone">-  certificate_title: &#34;Certificate' in page
    assert '<span class="added">+  certificate_title: &#34;Diploma' in page
    assert "admin-0@staff.example" in page
    assert "as the dean says" in page
    assert (422, True) == (refused.status_code, "Say why" in refused.text)
    assert ["superseded"] * 3 == [state for *_, state in states(world)]
    text = admin.text(f"/mappings/{NAME}")
    for said in ("agreed", "restored from version 1", "too early", "deactivated", "closed"):
        assert said in text


def test_mistakes_are_told_at_their_place_and_nothing_typed_is_lost(
    world: World, signed_in: SignedIn
) -> None:
    admin = signed_in(Role.ADMIN)
    wrong = MINE.replace("learner.email", "learner.emial") + "# <b>mine</b>\n"

    answer = admin.post("/mapping-editor", act="save", document=wrong, since="", reason="why")

    assert 422 == answer.status_code
    assert 'data-line="9" data-column="24"' in answer.text
    assert "did you mean" in answer.text
    assert "# &lt;b&gt;mine&lt;/b&gt;" in answer.text
    assert 'value="why"' in answer.text
    assert 1 == len(states(world))


def test_what_is_typed_is_looked_at_over_a_real_completion(
    world: World, signed_in: SignedIn
) -> None:
    world.issue("ada")
    admin = signed_in(Role.ADMIN)

    told = json.loads(admin.post("/mapping-editor/look", document=MINE).text)
    wrong = json.loads(admin.post("/mapping-editor/look", document="mapping: 2\n").text)

    assert [] == told["mistakes"]
    assert "data:image/svg+xml;base64," in told["look"]
    assert "Diploma: Marine Biology" in told["look"]
    assert "ada@learners.example" in told["picker"]
    assert "img" not in wrong["look"]
    assert {"line": 1, "column": 10, "key": "mapping"}.items() <= wrong["mistakes"][-1].items()
    assert "allowed: 1" in wrong["wrong"]["mapping"]
    assert 1 == len(states(world))


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_the_second_of_two_who_edit_is_told_and_shown_the_difference(
    world: World, signed_in: SignedIn
) -> None:
    admin = signed_in(Role.ADMIN)
    theirs = MAPPING.replace("of Completion", "of Attendance")
    assert 303 == save(admin, theirs)

    answer = admin.post("/mapping-editor", act="save", document=MINE, since=sha(MAPPING))
    again = save(admin, theirs, since=MAPPING)  # the same twice is nothing new

    assert (409, 303) == (answer.status_code, again)
    for said in ("admin-0@staff.example", "Attendance", "Diploma", "as the dean says"):
        assert said in answer.text
    assert 2 == len(states(world))
    # Having seen theirs, it may be kept.
    assert sha(theirs) in answer.text
    assert 303 == save(admin, MINE, since=theirs)
    assert (NAME, 3, "draft") == states(world)[-1]


@pytest.mark.parametrize(
    ("limits", "sites", "sees", "may"),
    [
        (Limits(sites=frozenset({SITE})), SITE, True, True),
        (Limits(sites=frozenset({SITE})), f"[{SITE}, {SECOND}]", True, False),
        (Limits(sites=frozenset({SITE})), '"*"', True, False),
        (Limits(sites=frozenset({SECOND})), SITE, False, False),
        (Limits(issuers=frozenset({"other"})), SITE, False, False),
        (Limits(issuers=frozenset({"main"})), '"*"', True, True),
        (Limits(courses=frozenset({f"{SITE}/42"})), SITE, True, False),
    ],
)
def test_limits_decide_which_mappings_are_seen_and_changed(
    world: World, signed_in: SignedIn, limits: Limits, sites: str, sees: bool, may: bool
) -> None:
    world.add_site(SECOND, "scripted")
    world.add_issuer("other")
    world.add_mapping(('site: "*"', f"site: {sites}"))
    admin = signed_in(Role.ADMIN, limits)
    text = MINE.replace('site: "*"', f"site: {sites}")

    assert (sees, 200 if sees else 404) == (
        f"/mappings/{NAME}" in admin.text("/mappings"),
        admin.get(f"/mappings/{NAME}").status_code,
    )
    assert (200 if may else 404) == admin.get(f"/mapping-editor?name={NAME}").status_code
    since = MAPPING.replace('site: "*"', f"site: {sites}")
    assert (303 if may else 422) == save(admin, text, since=since)
    answer = admin.post(f"/mappings/{NAME}", act="deactivate", reason="mine")
    assert (303 if may else 404) == answer.status_code


def test_who_is_limited_restores_no_version_that_reaches_further(
    world: World, signed_in: SignedIn
) -> None:
    world.add_mapping(('site: "*"', f"site: {SITE}"))
    admin = signed_in(Role.ADMIN, Limits(sites=frozenset({SITE})))

    answer = admin.post(f"/mappings/{NAME}", act="restore", version="1", reason="more")

    assert (422, True) == (answer.status_code, "beyond your limits" in answer.text)
    assert [(NAME, 1, "superseded"), (NAME, 2, "published")] == sorted(states(world))


def test_completions_beyond_the_limits_are_not_looked_at(world: World, signed_in: SignedIn) -> None:
    world.add_site(SECOND, "scripted")
    world.issue("ada")
    ada = world.completion.id
    admin = signed_in(Role.ADMIN, Limits(sites=frozenset({SECOND})))

    page = admin.text("/mapping-editor")
    told = admin.post("/mapping-editor/look", document=MINE, completion=ada).text

    assert "Ada" not in page + told


def test_support_may_look_but_not_change(world: World, signed_in: SignedIn) -> None:
    text = signed_in(Role.SUPPORT).text(f"/mappings/{NAME}")

    assert 'name="act"' not in text
    assert "/mapping-editor" not in text


def test_a_backtest_tells_how_far_it_is_and_what_would_change(
    world: World, signed_in: SignedIn
) -> None:
    for who in ("ada", "bob"):
        world.issue(who)
    admin = signed_in(Role.ADMIN)
    save(admin, MINE)
    path = f"/mappings/{NAME}/backtest"

    page = admin.post(path, last="1000", version="2").text
    streamed = admin.client.post(
        f"/console{path}",
        data={**admin.form, "last": "100", "version": "2"},
        headers={"Accept": "application/x-ndjson", "Sec-Fetch-Site": "same-origin"},
    )

    assert "2</strong> changed" in page
    assert "<ins><bdi>Diploma: Marine Biology</bdi></ins>" in page
    *steps, last = [json.loads(line) for line in streamed.text.splitlines()]
    assert [{"done": 2, "of": 2}] == steps
    assert "2</strong> changed" in last["html"]


def test_the_form_and_the_yaml_are_kept_in_step(world: World, signed_in: SignedIn) -> None:
    admin = signed_in(Role.ADMIN)
    fields = {
        "f.name": NAME,
        "f.issuer": "main",
        "f.site": ["*"],
        "f.match.course": "BIO-*\r\nCHEM-*",
        "f.match.when": "grade.percent > ",
        "f.entry.certificate_title": "{{ course.title }}",
        "f.entry.full_name": "{{ learner.full_name }}",
        "f.entry.applicant_email": "{{ learner.email }}",
        "f.again": "after",
        "f.again.days": "300",
        "f.certificate.parameters.border": "false",
    }
    asked = {"document": MAPPING + "# mine\n", "view": "form", **fields}

    told = json.loads(admin.post("/mapping-editor/look", **asked).text)
    as_yaml = admin.post("/mapping-editor", act="yaml", **asked).text
    as_form = admin.post("/mapping-editor", act="form", view="yaml", document=told["document"])

    for line in (
        'match: {course: ["BIO-*", "CHEM-*"], when: "grade.percent > "}',
        '  certificate_title: "{{ course.title }}"',
        "again: {after: 300 days}",
        "certificate:\n  parameters: {border: false}",
        "# mine",
    ):
        assert line in told["document"]
        assert line.replace('"', "&#34;").replace(">", "&gt;") in as_yaml
    assert "match.when" in told["wrong"]
    assert "issue_date" not in told["document"]
    assert 'name="f.again.days"' in as_form.text
    assert "grade.percent &gt; </textarea>" in as_form.text
    assert 'value="300"' in as_form.text
