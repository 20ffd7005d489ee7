"""A course whose code fits one mapping and whose title another of the same priority."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor, wait

import pytest

from bridge.pipeline import preview
from bridge.pipeline.known_names import known_names
from bridge.pipeline.outlook import Outlook
from bridge.pipeline.publishing import Act, Document, put
from bridge.store import tables
from bridge.store.mapping_versions import Tied
from bridge.store.states import MappingState
from mappings import ties
from mappings.document import load
from tests.bridge.world import MAPPING, SITE, World, key

BY_CODE = ('course: "*"', 'course: "BIO-?"')
BY_TITLE = ('course: "*"', 'course: "Marine *"')
NAMED = ("name: course-completion", "name: marine")
TITLED = ("Certificate of Completion: {{ course.title }}", "Marine Biology")
OF_A_KIND = ("issuer: main", "kind: programme\nissuer: main")


@pytest.fixture
def tied(world: World) -> World:
    """A world of two such mappings, of which the check of documents can know nothing."""
    one, other = MAPPING.replace(*BY_CODE), MAPPING.replace(*BY_TITLE)
    assert ties.tied(load(one), load(other)) is None
    world.add_mapping(BY_CODE)
    world.add_mapping(BY_TITLE, NAMED)
    return world


def test_its_completions_wait_for_a_person_and_both_are_named(tied: World) -> None:
    tied.complete()
    tied.settle()

    held = tied.completion
    assert ("held", "complete.tie") == (held.state, held.cause)
    assert "course-completion and marine" in held.problem
    assert "higher priority" in held.remedy
    assert f"vaultbridge replay {held.id}" in held.remedy
    assert ([], {}) == (tied.rows(tables.issuance), tied.vault.created)


def test_with_a_higher_priority_one_has_it_once_replayed(tied: World) -> None:
    tied.complete()
    tied.settle()
    tied.add_mapping(BY_TITLE, NAMED, TITLED, ("site:", "priority: 1\nsite:"))
    (foreseen,) = preview.foresee(tied.bridge, [tied.completion.id], mapping="current")
    assert Outlook.ISSUED == foreseen.outlook
    tied.replay(tied.completion.id)
    tied.settle()

    assert ("mapped", None) == (tied.completion.state, tied.completion.cause)
    assert {key(title="Marine Biology"): 1} == tied.vault.created


def test_a_certificate_of_another_kind_is_issued_all_the_same(tied: World) -> None:
    tied.add_mapping(("course-completion", "programme"), TITLED, OF_A_KIND)
    tied.complete()
    tied.settle()

    assert "complete.tie" == tied.completion.cause
    assert {key(title="Marine Biology"): 1} == tied.vault.created


def test_what_one_of_them_has_issued_before_stays(world: World) -> None:
    world.add_mapping(BY_CODE)
    world.generate()
    world.add_mapping(BY_TITLE, NAMED, TITLED)
    world.replay(world.completion.id)
    world.settle()

    assert ("mapped", None) == (world.completion.state, world.completion.cause)
    assert (["generated"], {key(): 1}) == (world.states(), world.vault.created)


def test_of_two_that_are_published_at_once_the_later_is_refused(world: World) -> None:
    """Each was looked at while the other was not in use."""
    database = world.bridge.database
    known = known_names(database, world.bridge.settings)
    there, go_on = threading.Event(), threading.Event()

    def publish(name: str, *, slowly: bool = False) -> None:
        text = MAPPING.replace(*NAMED).replace("marine", name).replace('site: "*"', f"site: {SITE}")
        text += "priority: 7\n"
        documents = [Document(mapping=load(text), text=text)]
        act = Act(state=MappingState.PUBLISHED, who=name)
        with database.write() as conn:
            put(conn, documents, act, known=known, now=world.clock.now())
            if slowly:
                there.set()
                assert go_on.wait(30)

    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(publish, "one", slowly=True)
        assert there.wait(30)
        other = pool.submit(publish, "other")
        wait([other], timeout=0.5)  # for the first to end
        go_on.set()
        one.result()
        with pytest.raises(Tied, match="other has the priority of one, and a course may fit both"):
            other.result()
    names = [row.name for row in world.rows(tables.mapping_version)]
    assert ["course-completion", "one"] == sorted(names)
