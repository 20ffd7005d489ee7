"""The audit log and a dossier over the API: the same as the console's."""

from __future__ import annotations

from bridge.people import entering
from bridge.people.roles import NO_LIMITS, Limits, Role
from bridge.people.tokens import Scope
from tests.bridge.api.conftest import MakeProgram
from tests.bridge.world import SITE, World


def test_acts_are_told_page_by_page_with_what_they_changed(
    world: World, program: MakeProgram
) -> None:
    for name in ("sue", "mary", "joan"):
        email = f"{name}@staff.example"
        entering.invite(
            world.bridge, email, name=name, role=Role.VIEWER, limits=NO_LIMITS, who="ada"
        )
    entering.give_role(world.bridge, "sue@staff.example", Role.SUPPORT, who="ada")
    admin = program(Scope.ADMIN)

    first = admin.told("/audit", who="ada", limit=3)
    rest = admin.told("/audit", who="ada", limit=3, cursor=first["next"])

    assert (3, 1, None) == (len(first["items"]), len(rest["items"]), rest["next"])
    newest = first["items"][0]
    assert ("made support", "person", "sue@staff.example") == (
        newest["what"],
        newest["kind"],
        newest["name"],
    )
    assert ({"role": "viewer"}, {"role": "support"}) == (newest["before"], newest["after"])
    assert [newest] == admin.told("/audit", which="sue@staff.example", limit=1)["items"]
    for wrong in ({"cursor": "yesterday_1"}, {"since": "yesterday"}):
        assert 422 == admin.get("/audit", **wrong).status_code


def test_a_dossier_is_told_to_whoever_sees_its_certificate(
    world: World, program: MakeProgram
) -> None:
    world.generate()
    path = f"/issuances/{world.issuance.id}/dossier"

    told = program().told(path)["dossier"]

    assert world.issuance.reference_id == told["certificate"]["reference_id"]
    assert "course-completion" == told["mapping"]["name"]
    assert 200 == program(limits=Limits(sites=frozenset({SITE}))).get(path).status_code
    elsewhere = Limits(sites=frozenset({"signed-main"}))
    assert 404 == program(limits=elsewhere).get(path).status_code
