"""Bells and steps: each step of a bell has its turn, and a worker of each bell starts."""

from __future__ import annotations

import dataclasses
import socket

import pytest
import sqlalchemy as sa

from tests.polling import eventually
from tests.vault.webhooks.receiver import receiver
from tests.vault.world import World, upload
from vault import wiring
from vault.bells import DELIVER
from vault.steps import BELLS, Run, Step, answer
from vault.store import endpoints
from vault.store.people import notice
from vault.store.tables import certificate
from vault.webhooks.events import Event
from vault.webhooks.signing import new_secret


def step(told: list[str], name: str, *, more: bool) -> Step:
    """A step that notes its turns."""

    def run() -> bool:
        told.append(name)
        return more

    def build(_vault: object) -> Run:
        return run

    return Step(build=build, table=certificate, where=sa.true())


@pytest.mark.parametrize(("first", "second"), [(True, False), (False, True), (True, True)])
def test_every_step_of_a_bell_has_its_turn(world: World, first: bool, second: bool) -> None:
    told: list[str] = []
    steps = (step(told, "first", more=first), step(told, "second", more=second))
    run = answer(world.vault, "bell", {"bell": steps})

    assert run() is True
    assert ["first", "second"] == told


@pytest.mark.parametrize("bell", BELLS)
def test_a_bell_without_work_is_answered_at_once(world: World, bell: str) -> None:
    assert answer(world.vault, bell)() is False


def test_a_silent_mail_server_delays_no_webhook(world: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, receiver() as there:
        settings = dataclasses.replace(
            world.vault.settings,
            mail_server=f"smtp://127.0.0.1:{silent.getsockname()[1]}",
            allowed_private_hosts=("127.0.0.1",),
        )
        run = answer(dataclasses.replace(world.vault, settings=settings), DELIVER)
        abc = world.institution("ABC")
        with world.vault.database.write() as conn:
            endpoints.add(
                conn,
                wiring.keys(settings, create=True),
                institution_id=abc,
                url=there.url,
                events=frozenset({Event.APPROVED}),
                secrets=[new_secret()],
                description=None,
                now=world.vault.database.now(conn),
            )
        with world.client(world.token(abc)) as client:
            upload(client)
        world.process()
        eventually(lambda: run() and there.received)
        with world.vault.database.read() as conn:
            (mail,) = conn.execute(sa.select(notice)).all()

    # The mail is still being tried: nobody knows yet what becomes of it.
    assert ("due", 1, None) == (mail.state, mail.tries, mail.problem)


def test_every_step_can_be_claimed_and_found_quickly() -> None:
    for found in (step for steps in BELLS.values() for step in steps):
        assert {"next_run_at", "lease_owner", "lease_until", "fence"} <= set(found.table.c.keys())
        assert any(
            "next_run_at" == index.columns.values()[0].name for index in found.table.indexes
        ), found.table.name
