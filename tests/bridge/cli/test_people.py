"""People on the command line: invited, listed, given roles, removed."""

from __future__ import annotations

from bridge.people import entering
from bridge.store import tables
from tests.bridge.cli.conftest import Run
from tests.bridge.world import World

SUE = "sue@staff.example"
PASSWORD = "correct horse battery staple"


def come_in(world: World, link: str, **who: str) -> None:
    entering.accept(world.bridge, link.strip().rpartition("/")[2], PASSWORD, **who)


def test_the_first_admin_by_a_link_and_no_second(run: Run, world: World) -> None:
    assert "vaultbridge people first" in run("people").out
    link = run("people", "first").out
    assert link.startswith("https://certs.example.edu/console/enter/")
    come_in(world, link, email="ada@staff.example", name="Ada")

    again = run("people", "first")

    assert (1, True) == (again.code, "vaultbridge people invite" in again.err)
    [told] = run("people", "--json").json
    assert ("ada@staff.example", "admin", None, True) == (
        told["email"],
        told["role"],
        told["limits"],
        told["has_come_in"],
    )


def test_somebody_is_invited_promoted_signed_out_and_removed(run: Run, world: World) -> None:
    limits = ("--site", "scripted-main", "--course", "scripted-main/42")
    link = run("people", "invite", SUE, "--name", "Sue", *limits, "--as", "ada").out
    come_in(world, link)

    assert 0 == run("people", "role", SUE, "support", "--as", "ada").code
    assert "1 session of" in run("people", "sign-out", SUE).out
    assert run("people", "link", SUE).out.startswith("https://certs.example.edu/console/enter/")
    [told] = run("people", "--json").json
    assert {"sites": ["scripted-main"], "courses": ["scripted-main/42"]} == told["limits"]
    assert "support" == told["role"]
    assert "everything" in run("people", "limit", SUE, "--everything", "--as", "ada").out
    assert run("people", "--json").json[0]["limits"] is None
    assert 0 == run("people", "limit", SUE, "--issuer", "main", "--as", "ada").code
    assert "gone" in run("people", "limit", SUE, "--issuer", "gone", "--as", "ada").err
    assert "--everything" in run("people", "limit", SUE, "--as", "ada").err
    assert {"issuers": ["main"]} == run("people", "--json").json[0]["limits"]
    assert 0 == run("people", "remove", SUE, "--as", "ada").code
    assert [] == run("people", "--json").json
    said = [(e.what, e.who) for e in world.rows(tables.event) if e.subject.startswith("pe_")]
    assert ("invited as viewer", "ada") == said[0]
    assert ("removed", "ada") == said[-1]


def test_mistakes_say_the_next_move(run: Run, world: World) -> None:
    run("people", "invite", SUE, "--name", "Sue")

    assert "there is somebody" in run("people", "invite", SUE, "--name", "S").err.lower()
    assert "vaultbridge people" in run("people", "remove", "no@staff.example").err
    assert "SITE/COURSE" in run("people", "invite", "x@y", "--name", "X", "--course", "BIO").err
