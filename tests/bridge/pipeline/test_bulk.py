"""Many at once: files side by side, entries in bulk, and never more than one certificate each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from threading import Barrier, Event
from typing import Any

import pytest
from werkzeug.wrappers import Response

from bridge.certificates.page import Page
from bridge.pipeline import files, issue
from bridge.store import tables
from tests.bridge.world import World, key
from tests.polling import PATIENCE_S
from tests.scripted_vault import (
    Behaviour,
    Taken,
    answers,
    cut,
    late,
    lost_reply,
    normal,
)
from tests.scripted_vault.bulk import sent_entries

PEOPLE = [f"ada{number:02}" for number in range(6)]


def complete_all(world: World) -> None:
    for who in PEOPLE:
        world.complete(who)
    world.run("normalise", "issue")


def once_each(world: World) -> dict[tuple[str, str, str], int]:
    return {key(who): 1 for who in PEOPLE}


def chunked(world: World, most: int) -> None:
    settings = replace(world.bridge.settings, bulk_chunk=most)
    world.bridge = replace(world.bridge, settings=settings)


def test_one_alone_goes_singly_and_many_go_in_bulk(world: World) -> None:
    world.issue("zoe")
    complete_all(world)
    world.settle()

    calls = world.vault.calls
    assert (1, 6, 1) == (calls["upload"], calls["upload_file"], calls["bulk"])
    assert {**once_each(world), key("zoe"): 1} == world.vault.created
    assert ["generated"] * 7 == world.states()
    bulk = [row for row in world.attempts() if row[0] == "bulk"]
    assert [("bulk", "taken_in")] * 6 == bulk


def test_a_chunk_is_never_larger_than_the_setting_says(world: World) -> None:
    chunked(world, 4)
    complete_all(world)
    world.settle()

    assert 2 == world.vault.calls["bulk"]
    assert once_each(world) == world.vault.created

    chunked(world, 1)
    world.complete("zoe")
    world.issue("yan")
    assert (2, 2) == (world.vault.calls["bulk"], world.vault.calls["upload"])


@pytest.mark.parametrize(
    ("title", "host", "chunks"),
    [
        ("Marine Biology", "Learners.Example", [6]),  # one certificate, as our own key has it
        ("MARINE biology", "learners.example", [6, 6]),
        ("marine biology", "LEARNERS.example", [6, 6]),
    ],
    ids=["e-mail", "title", "both"],
)
def test_no_chunk_has_two_that_a_vault_could_take_for_the_same(
    world: World, title: str, host: str, chunks: list[int]
) -> None:
    """Whether a vault tells large from small letters is not documented; so no chunk asks it."""
    sent: list[list[tuple[str, str, str]]] = []

    def note(taken: Taken) -> Behaviour:
        if taken.call == "bulk":
            sent.append([as_one(entry) for entry in sent_entries(taken).values()])
        return normal

    world.vault.usual = note
    for who in PEOPLE:
        world.complete(who)
        other = {"email": f"{who}@{host}"}
        world.complete(who, course={"id": "43", "title": title}, learner=other)
    world.run("normalise", "issue")

    assert chunks == [len(chunk) for chunk in sent]
    assert chunks == [len(set(chunk)) for chunk in sent]


def as_one(entry: Mapping[str, Any]) -> tuple[str, str, str]:
    """What a vault that is not strict about letters and spaces tells an entry by."""
    title = " ".join(entry["certificate_title"].lower().split())
    return entry["applicant_email"].lower(), title, entry["issue_date"]


def test_files_are_uploaded_side_by_side_as_many_as_the_setting_says(world: World) -> None:
    """Each waits for two others at the vault: one after the other, none would ever be answered."""
    world.bridge = replace(world.bridge, settings=replace(world.bridge.settings, uploads_at_once=3))
    three = Barrier(3, timeout=PATIENCE_S)
    there: list[Taken] = []
    most: list[int] = []

    def together(taken: Taken) -> Response:
        there.append(taken)
        most.append(len(there))
        three.wait()
        there.remove(taken)
        three.wait()
        return normal(taken)

    world.vault.then("upload_file", *[together] * len(PEOPLE))
    complete_all(world)

    assert (6, 3) == (world.vault.calls["upload_file"], max(most))
    assert 1 == world.vault.calls["bulk"]


def test_files_are_on_their_way_while_others_are_printed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second group is printed once the vault has seen one of the first."""
    monkeypatch.setattr(files, "GROUP", 3)
    sound, on_its_way = world.bridge.renderer, Event()
    printed: list[Page] = []
    in_vain: list[Page] = []

    class Printer:
        def render(self, page: Page) -> bytes:
            printed.append(page)
            if len(printed) > files.GROUP and not on_its_way.wait(PATIENCE_S):
                in_vain.append(page)
                on_its_way.set()
            return sound.render(page)

        template = sound.template
        made_of = sound.made_of
        valid_until = sound.valid_until

    def seen(taken: Taken) -> Response:
        on_its_way.set()
        return normal(taken)

    printer: Any = Printer()
    world.bridge = replace(world.bridge, renderer=printer)
    world.vault.then("upload_file", seen)
    complete_all(world)
    world.settle()

    assert (len(PEOPLE), []) == (len(printed), in_vain)
    assert once_each(world) == world.vault.created


def test_following_many_costs_pages_not_calls_for_each(world: World) -> None:
    complete_all(world)
    world.vault.calls.clear()
    world.settle()

    assert "view" not in world.vault.calls
    assert world.vault.calls["list"] <= 2
    assert ["generated"] * 6 == world.states()


@pytest.mark.parametrize("names_duplicates", [True, False])
def test_one_guilty_entry_holds_up_none_of_the_others(world: World, names_duplicates: bool) -> None:
    world.vault.names_duplicates = names_duplicates
    foreign = world.vault.put(
        title=key()[1],
        name="Somebody Else",
        email=key(PEOPLE[3])[0],
        issue_date=key()[2],
        details=None,
    )
    complete_all(world)
    world.settle()

    states = {row.learner_id: row.state for row in world.rows(tables.issuance)}
    assert {who: "held" if who == PEOPLE[3] else "generated" for who in PEOPLE} == states
    assert once_each(world) == world.vault.created
    (held,) = [row for row in world.rows(tables.issuance) if row.state == "held"]
    assert (foreign.reference_id or "?") in held.problem


def test_an_entry_that_the_vault_objects_to_fails_alone_and_says_why(world: World) -> None:
    def objects(taken: Taken) -> object:
        return answers(
            422,
            {
                "message": "The name is odd. (and 1 more error)",
                "errors": {"entries.2.full_name": ["The name is odd."], "entries.2": ["Look."]},
            },
        )(taken)

    world.vault.then("bulk", objects)  # type: ignore[arg-type]
    world.vault.then("upload", answers(422, {"message": "no", "errors": {"full_name": ["Odd."]}}))
    complete_all(world)
    world.settle()

    (failed,) = [row for row in world.rows(tables.issuance) if row.state == "failed"]
    assert "full_name: Odd." in failed.problem
    assert "issue.vault_refused.full_name" == failed.cause
    assert 5 == sum(world.vault.created.values())
    assert 2 == world.vault.calls["bulk"]


def test_files_that_the_vault_has_forgotten_are_uploaded_anew(world: World) -> None:
    def forgets(taken: Taken) -> object:
        world.vault.files.clear()
        return normal(taken)

    world.vault.then("bulk", forgets)  # type: ignore[arg-type]
    complete_all(world)
    world.settle()

    assert (once_each(world), ["generated"] * 6) == (world.vault.created, world.states())


@pytest.mark.parametrize(
    "behaviour", [lost_reply, cut, late, answers(502, "<html>")], ids=lambda b: b.__name__
)
def test_when_the_answer_to_a_bulk_upload_is_lost_each_is_looked_for(
    world: World, behaviour: Behaviour
) -> None:
    world.vault.then("bulk", behaviour)
    complete_all(world)
    world.vault.catch_up()
    world.settle()

    assert (once_each(world), ["generated"] * 6) == (world.vault.created, world.states())


@pytest.mark.parametrize(("behaviour", "minutes"), [(lost_reply, 14), (normal, 16)])
def test_while_the_vault_may_still_have_them_queued_none_is_sent_singly(
    world: World, behaviour: Behaviour, minutes: int
) -> None:
    """It looks for duplicates only as it takes a request in: whatever is sent again is made."""
    world.vault.appears_at_once = world.vault.atomic = False
    world.vault.then("bulk", behaviour)
    complete_all(world)
    end = world.clock.now() + timedelta(minutes=minutes)
    while (moment := world.next_due()) is not None and moment < end:
        world.clock.moment = moment
        world.run("follow", "issue")
    assert 0 == world.vault.calls["upload"]

    world.vault.appear()
    world.settle()
    assert (once_each(world), ["generated"] * 6) == (world.vault.created, world.states())
    assert 0 == world.vault.calls["upload"]


def test_entries_that_the_vault_drops_in_silence_go_singly_after_their_deadline(
    world: World,
) -> None:
    world.vault.checks_bulk = False
    world.vault.drops = {key(who)[0] for who in PEOPLE[:3]}
    complete_all(world)
    world.settle(hours=2)

    assert (1, 3) == (world.vault.calls["bulk"], world.vault.calls["upload"])
    assert (once_each(world), ["generated"] * 6) == (world.vault.created, world.states())
    lost = next(r for r in world.rows(tables.issuance) if r.learner_id == PEOPLE[0])
    assert "not in the vault's list" in world.history(lost.id)


@pytest.mark.parametrize("shows_batch", [True, False])
@pytest.mark.parametrize("shows_details", [True, False])
def test_certificates_that_appear_late_are_found(
    world: World, shows_batch: bool, shows_details: bool
) -> None:
    world.vault.appears_at_once = False
    world.vault.shows_batch = shows_batch
    world.vault.shows_details = shows_details
    complete_all(world)
    world.later()
    world.run("follow")
    assert ["processing"] * 6 == world.states()
    world.settle()

    assert (once_each(world), ["generated"] * 6) == (world.vault.created, world.states())
    assert 0 == world.vault.calls["upload"]


def test_a_worker_that_dies_amid_its_uploads_loses_and_doubles_nothing(world: World) -> None:
    class Killed(BaseException):
        pass

    for who in PEOPLE:
        world.complete(who)
    world.run("normalise")
    sound = world.bridge
    dying: Any = Dying(sound.vault_http, Killed)
    world.bridge = replace(sound, vault_http=dying)
    with pytest.raises(Killed):
        world.run("issue")
    world.bridge = replace(sound, owner="successor")
    world.later(minutes=5)
    world.settle()

    assert (once_each(world), ["generated"] * 6) == (world.vault.created, world.states())


class Dying:
    """A client whose process is killed once the bulk upload has been answered."""

    def __init__(self, http: object, death: type[BaseException]) -> None:
        self._http, self._death = http, death

    def post(self, url: str, **options: object) -> object:
        answer = self._http.post(url, **options)  # type: ignore[attr-defined]
        if url.endswith("/bulk"):
            raise self._death
        return answer

    def __getattr__(self, name: str) -> object:
        return getattr(self._http, name)


def test_a_vault_that_asks_to_be_left_alone_is_left_alone_by_all(world: World) -> None:
    world.vault.then("upload_file", *[answers(429, headers={"Retry-After": "600"})] * 6)
    complete_all(world)
    calls = world.vault.calls["upload_file"]
    world.later(minutes=9)
    other = replace(world.bridge, owner="another worker")
    world.bridge = other
    world.run("issue", "follow")

    assert calls == world.vault.calls["upload_file"]
    assert timedelta(minutes=1) == world.in_wait(world.issuer.shut_until)
    world.vault.script["upload_file"].clear()
    world.settle()
    assert (once_each(world), ["generated"] * 6) == (world.vault.created, world.states())


def test_a_vault_that_is_down_is_tried_by_one_call_for_all(world: World) -> None:
    world.vault.stop()
    complete_all(world)
    world.vault.start()
    world.vault.then("upload", answers(503, "<html>"))
    world.vault.calls.clear()
    world.clock.moment = world.issuer.shut_until
    world.run("issue")

    assert {"upload": 1} == dict(world.vault.calls)
    assert world.issuer.shut_until > world.clock.now()
    world.settle()
    assert (once_each(world), ["generated"] * 6) == (world.vault.created, world.states())
    assert (None, 0) == (world.issuer.shut_until, world.issuer.failures)


def test_what_is_new_does_not_wait_for_a_backlog(world: World) -> None:
    for who in PEOPLE:
        world.complete(who)
    world.run("normalise")
    for row in world.rows(tables.issuance):
        world.change(tables.issuance, row.id, state="sending", tries=3)
    chunked(world, 2)
    world.complete("zoe")
    world.run("normalise")

    issue.run(world.bridge)
    (zoe,) = [row for row in world.rows(tables.issuance) if row.learner_id == "zoe"]
    assert "processing" == zoe.state


def test_what_is_new_is_sent_though_the_list_that_others_need_does_not_answer(
    world: World,
) -> None:
    world.vault.then("upload", cut)
    world.issue("zoe")
    world.later(minutes=30)

    def no_list(taken: Taken) -> Behaviour:
        return answers(503, "<html>") if taken.call == "list" else normal

    world.vault.usual = no_list
    for who in PEOPLE:
        world.complete(who)
    world.run("normalise")
    issue.run(world.bridge)

    assert 1 == world.vault.calls["list"]
    assert once_each(world) == world.vault.created


def test_files_kept_from_an_earlier_try_say_nothing_of_the_vault_now(world: World) -> None:
    for who in PEOPLE:
        world.complete(who)
    world.run("normalise")
    kept = {"vault_file_id": "kept", "vault_file_at": world.clock.now()}
    for row in world.rows(tables.issuance):
        world.change(tables.issuance, row.id, **kept)
    world.change(tables.issuer, world.issuer_id, failures=1)
    world.vault.then("bulk", answers(502, "<html>"))
    world.run("issue")

    assert {"bulk": 1} == dict(world.vault.calls)
    assert 2 == world.issuer.failures, "the second call in a row without an answer"
    assert world.issuer.shut_until is not None
