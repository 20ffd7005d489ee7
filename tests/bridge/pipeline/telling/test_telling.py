"""Owners are told by mail or chat: whom, of what, once; and never of anything personal."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from threading import Barrier

import pytest
import sqlalchemy as sa

from bridge.pipeline import telling
from bridge.store import tables
from bridge.store.states import MappingState
from connectors.base import Temporary
from tests.bridge.pipeline.telling.conftest import OWNER, Chat, hear_nothing, own, set_up
from tests.bridge.world import SITE, World
from tests.mail_server import HANG_UP, MailServer
from tests.scripted_vault import answers

EMAIL = "complete.missing.applicant_email"

WEEK = "4 completed, 2 certified, 1 waiting, 1 not to be certified"
CHANGE = f"vaultbridge site set {SITE} --owner ADDRESS"


def tell(world: World) -> None:
    telling.run_all(world.bridge)


def fail(world: World, *who: str) -> None:
    """Completions of learners without an e-mail address."""
    for name in who or ("ada",):
        world.complete(name, learner={"email": None})
    world.run("normalise")


def subjects(mails: MailServer) -> list[str]:
    return [str(mail["Subject"]).strip().removeprefix("[Vaultbridge] ") for mail in mails.mails]


def body(mail: EmailMessage) -> str:
    return str(mail.get_content())


def test_an_owner_is_told_of_the_first_of_a_cause_with_the_command_that_repairs(
    owned: World, mails: MailServer
) -> None:
    fail(owned, "ada", "bob")
    tell(owned)
    (mail,) = mails.mails

    assert [OWNER] == mails.recipients
    assert ("Vaultbridge <bridge@example.edu>", OWNER, "auto-generated") == (
        mail["From"],
        mail["To"],
        mail["Auto-Submitted"],
    )
    assert f"[Vaultbridge] {SITE}: {EMAIL} (2)" == mail["Subject"]
    assert f"""\
New:

{SITE}: {EMAIL} (2), since 2026-11-23 12:00 UTC
  The field that the last part names came out empty.
  Complete it in the LMS (looked up every night), or name another source in the mapping.
  vaultbridge replay --cause {EMAIL}

All at a glance: vaultbridge status
You are told because you own the site {SITE}. To change that: {CHANGE}
https://certs.example.edu
""" == body(mail)


def test_nothing_personal_is_told(owned: World, mails: MailServer, chat: Chat) -> None:
    own(owned, OWNER, chat.url)
    fail(owned, "ada")
    owned.post(b"no json, but a secret name")
    owned.complete("kay", course={"id": "7"}, learner={"full_name": "Kay \u0c66 Secretname"})
    owned.run("normalise", "issue")
    owned.later(days=8)
    tell(owned)
    told = repr(chat.said) + "".join(map(body, mails.mails))

    for personal in ("ada", "Lovelace", "kay", "Secretname", "secret name", "learners.example"):
        assert personal not in told


def test_it_is_told_again_once_a_day_and_cleared_when_it_is_mended(
    owned: World, mails: MailServer
) -> None:
    fail(owned, "ada")
    tell(owned)
    owned.later(hours=23)
    tell(owned)
    owned.later(hours=2)
    fail(owned, "bob")
    tell(owned)
    with owned.bridge.database.write() as conn:
        mended = {"state": "cancelled"}
        conn.execute(sa.update(tables.issuance).values(**mended))
    tell(owned)
    owned.later(minutes=11)
    tell(owned)

    assert [
        f"{SITE}: {EMAIL} (1)",
        f"{SITE}: 1 thing is still the matter",
        f"{SITE}: all clear, {EMAIL}",
    ] == subjects(mails)
    assert f"Still so:\n\n{SITE}: {EMAIL} (2), since" in body(mails.mails[1])
    assert f"All clear:\n\n{SITE}: {EMAIL}, from 2026-11-23 12:00 to 2026-11-24 13:00" in body(
        mails.mails[2]
    )


def test_a_weekly_digest_counts_the_week(owned: World, mails: MailServer) -> None:
    owned.add_mapping(('course: "*"', 'course: "42"'))
    for name in ("kay", "ivy"):
        owned.generate(name)
    owned.complete("zoe", course={"id": "7"})
    fail(owned, "ada")
    tell(owned)
    owned.later(days=7)
    tell(owned)
    digest = mails.mails[-1]

    assert f"{SITE}: {WEEK}" == subjects(mails)[-1]
    assert (
        "The week from 2026-11-23 06:00 to 2026-11-30 06:00 UTC:\n\n"
        f"{SITE}: {WEEK}\n"
        f"  1 waiting: The field that the last part names came out empty. ({EMAIL})\n"
        "  1 not to be certified: No active mapping wants these completions. "
        "(complete.no_mapping)\n\n"
        f"Still so:\n\n{SITE}: {EMAIL} (1), since"
    ) in body(digest)


def test_a_chat_is_told_the_same(owned: World, mails: MailServer, chat: Chat) -> None:
    own(owned, OWNER, chat.url)
    fail(owned)
    tell(owned)

    assert [{"text": f"*{SITE}: {EMAIL} (1)*\n{body(mails.mails[0])}"}] == chat.said


def test_a_chat_that_does_not_take_it_now_is_told_later_and_one_that_is_gone_never(
    owned: World, chat: Chat
) -> None:
    own(owned, chat.url)
    chat.answers += [503, 429, 200]
    fail(owned)
    for _ in range(3):
        tell(owned)
        owned.later(minutes=1)
    assert 3 == len(chat.said)
    assert ["sent"] == owned.states(tables.notice)

    own(owned)
    own(owned, chat.url, "http://10.0.0.1/hooks/a-secret", kind="issuer")
    chat.answers += [404]
    owned.vault.tokens.clear()
    owned.issue("kay")
    tell(owned)
    gone, private = sorted(
        row.said for row in owned.rows(tables.notice) if "issuer" in row.audience
    )
    assert gone.startswith("The chat answered 404: it does not take messages at this address.")
    assert private.startswith("The chat's address is inside a private network.")
    assert "a-secret" not in repr(owned.rows(tables.notice)), "a chat's address is its key"


def test_an_issuers_owner_is_told_that_sending_is_paused(owned: World, mails: MailServer) -> None:
    own(owned, "ivan@example.edu", kind="issuer")
    owned.vault.tokens.clear()
    owned.issue()
    tell(owned)
    told = {mail["To"]: body(mail) for mail in mails.mails}

    assert {OWNER, "ivan@example.edu"} == set(told)
    assert "`vaultbridge issuer rotate main`" in told["ivan@example.edu"]


def test_the_operator_is_told_of_what_has_no_owner_and_of_killed_processes(
    owned: World, mails: MailServer
) -> None:
    set_up(owned, operator=("ops@example.edu",))
    owned.vault.tokens.clear()
    owned.issue()
    with owned.bridge.database.write() as conn:
        seen = owned.clock.now()
        for name in ("worker issue", "clock"):
            row = {"id": name, "name": name, "host": "h", "pid": 1, "started_at": seen}
            conn.execute(sa.insert(tables.process).values(**row, seen_at=seen))
    tell(owned)
    owned.later(hours=1)
    with owned.bridge.database.write() as conn:
        alive = sa.update(tables.process).where(tables.process.c.id == "clock")
        conn.execute(alive.values(seen_at=owned.clock.now()))
    tell(owned)

    assert [
        ("ops@example.edu", "Vaultbridge: issuer.vault_token (1)"),
        ("ops@example.edu", "Vaultbridge: not_running.worker_issue"),
    ] == [told for told in zip(mails.recipients, subjects(mails), strict=True) if told[0] != OWNER]


def test_an_lms_that_is_away_for_a_moment_is_not_told(owned: World, mails: MailServer) -> None:
    owned.lms.enriching.append(Temporary("down"))
    owned.complete()
    owned.run("normalise")
    tell(owned)
    owned.later(minutes=30)
    owned.run("normalise")
    tell(owned)

    assert [] == mails.mails
    assert ["mapped"] == owned.states(tables.completion)


def test_the_silence_of_a_busy_site_is_told_and_its_end(owned: World, mails: MailServer) -> None:
    hear_nothing(owned)
    tell(owned)
    mails.raw.clear()
    owned.later(days=1)
    tell(owned)
    assert [f"{SITE}: silent"] == subjects(mails)
    assert f"vaultbridge reconcile --site {SITE}" in body(mails.mails[0])

    owned.complete("late")
    tell(owned)
    owned.later(minutes=11)
    tell(owned)
    assert f"{SITE}: all clear, silent" == subjects(mails)[-1]


def test_a_site_whose_secret_is_not_ours_is_told_unless_something_genuine_comes(
    owned: World, mails: MailServer
) -> None:
    for _ in range(3):
        assert 401 == owned.post(owned.body(), headers={}).status_code
    tell(owned)
    assert [] == mails.mails, "it may be anybody who knocks"
    owned.later(hours=1)
    tell(owned)
    assert [f"{SITE}: refused (3)"] == subjects(mails)
    assert f"`vaultbridge site rotate {SITE}`" in body(mails.mails[0])

    owned.complete()
    tell(owned)
    owned.later(minutes=11)
    tell(owned)
    assert f"{SITE}: all clear, refused" == subjects(mails)[-1]


def test_without_a_mail_server_mails_are_files(owned: World, tmp_path: Path) -> None:
    set_up(owned, mail_server=None, mail_from=None)
    fail(owned)
    tell(owned)
    (row,) = owned.rows(tables.notice)
    (path,) = (tmp_path / "m").iterdir()

    assert (f"{row.id}.eml", 0o600) == (path.name, path.stat().st_mode & 0o777)
    assert f"Message-ID: <{row.id}@localhost.localdomain>" in path.read_text()
    owned.later(days=120)
    fail(owned, "bob")
    tell(owned)
    assert not path.exists(), "after three months nobody looks it up"


def test_a_mail_server_that_is_away_is_tried_again(owned: World, mails: MailServer) -> None:
    mails.answers["MAIL"] = HANG_UP
    fail(owned)
    tell(owned)
    assert ("due", 1) == ((row := owned.one(tables.notice)).state, row.tries)

    mails.answers["MAIL"] = "250 ok"
    owned.later(minutes=1)
    tell(owned)
    assert [f"{SITE}: {EMAIL} (1)"] == subjects(mails)
    assert "sent" == owned.one(tables.notice).state


def test_an_address_that_is_refused_is_given_up(owned: World, mails: MailServer) -> None:
    mails.answers["RCPT"] = "550 who?"
    fail(owned)
    tell(owned)

    row = owned.one(tables.notice)
    assert ("failed", None) == (row.state, row.next_run_at)
    assert OWNER not in row.said


def test_two_that_decide_at_once_tell_once(owned: World, mails: MailServer) -> None:
    fail(owned)
    other = replace(owned.bridge, owner="worker-2")
    for bridge in (owned.bridge, other, owned.bridge):
        telling.run_all(bridge)

    assert 1 == len(mails.mails)


def test_processes_that_decide_at_the_same_moment_tell_once(
    owned: World, mails: MailServer
) -> None:
    fail(owned)
    ready = Barrier(4)

    def decide(number: int) -> None:
        bridge = replace(owned.bridge, owner=f"worker-{number}")
        ready.wait()
        telling.run_all(bridge)

    with ThreadPoolExecutor(4) as processes:
        list(processes.map(decide, range(4)))

    assert [f"{SITE}: {EMAIL} (1)"] == subjects(mails)
    assert 1 == len(owned.rows(tables.notice))


def test_the_owner_of_an_issuer_is_told_that_its_vault_wants_hours_of_peace(
    owned: World, mails: MailServer
) -> None:
    own(owned, OWNER, kind="issuer")
    owned.generate()
    tell(owned)
    mails.mails.clear()
    owned.vault.then("view", answers(429, headers={"Retry-After": str(10 * 3600)}))
    owned.issue("bob")
    owned.later(minutes=1)
    asked = owned.clock.now()
    owned.run("follow")
    owned.issue("eve")

    until = asked + timedelta(hours=10)
    told = f"The vault asks to be left alone until {until:%Y-%m-%d %H:%M} UTC."
    assert (told, None) == (owned.issuer.problem, owned.issuer.paused_at)
    tell(owned)
    assert [] == mails.mails, "it may be over soon"
    owned.later(hours=1, minutes=1)
    tell(owned)
    assert "main: issuer.vault_left_alone (1)" in "".join(map(body, mails.mails))
    assert 2 == owned.vault.calls["upload"], "eve's waits"

    owned.clock.moment = until + timedelta(seconds=1)
    owned.run("issue", "follow")
    assert 3 == owned.vault.calls["upload"]
    assert None is owned.issuer.problem


def test_nobody_is_told_where_nobody_is_named(world: World) -> None:
    fail(world)
    tell(world)

    assert [] == world.rows(tables.notice) == world.rows(tables.told)


def test_who_becomes_an_owner_later_is_told_of_what_stands(world: World, mails: MailServer) -> None:
    set_up(world, mail_server=mails.url, mail_from="bridge@example.edu")
    fail(world)
    tell(world)
    own(world, OWNER)
    tell(world)

    assert [f"{SITE}: {EMAIL} (1)"] == subjects(mails)


@pytest.mark.parametrize("crowd", [2, 5])
def test_several_owners_are_each_told_once(owned: World, mails: MailServer, crowd: int) -> None:
    own(owned, *(f"owner{n}@example.edu" for n in range(crowd)))
    fail(owned)
    tell(owned)
    tell(owned)

    assert [f"owner{n}@example.edu" for n in range(crowd)] == sorted(mails.recipients)


#: What has four completions held, the last two at least, and the state of their mapping.
HELD = {
    "rehearsal": ({}, MappingState.REHEARSAL),
    "too_many": ({"enrolled": 1}, MappingState.PUBLISHED),
    "too_old": ({"completed_at": "2026-08-01T12:00:00+00:00"}, MappingState.PUBLISHED),
    "staff": ({"role": "manager"}, MappingState.PUBLISHED),
    "test_account": ({"learner": {"id_number": "test@desk"}}, MappingState.PUBLISHED),
}


@pytest.mark.parametrize("why", HELD)
def test_of_a_hold_an_owner_is_told_once_though_more_join(
    owned: World, mails: MailServer, why: str
) -> None:
    told, state = HELD[why]
    set_up(owned, brake_least=2)
    owned.add_mapping(("mapping: 1", "# anew\nmapping: 1"), state=state)
    for who in ("ada", "bob", "eve", "joe"):
        owned.complete(who, **{"enrolled": 4, **told})
        owned.run("normalise", "issue", "follow")
        tell(owned)
    owned.later(days=3)
    tell(owned)
    hold = owned.one(tables.hold)
    held = [row for row in owned.rows(tables.issuance) if row.state == "held"]

    assert {f"complete.{why}.{hold.id}"} == {row.cause for row in held}
    assert 2 <= len(held)
    assert [f"{SITE}: complete.{why}.{hold.id} (1)"] == subjects(mails)
    assert f"vaultbridge holds show {hold.id}" in body(mails.mails[0])
