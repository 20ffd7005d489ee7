"""What support and admins do over the API: each act is the pipeline's own, done once."""

from __future__ import annotations

import pytest

from bridge.people import entering
from bridge.people.roles import Limits, Role
from bridge.people.tokens import Maker, Scope
from bridge.people.tokens import maker as as_maker
from bridge.store import tables
from bridge.store.states import MappingState
from tests.bridge.api.conftest import MakeProgram, Program
from tests.bridge.world import MAPPING, SECRET, SITE, World
from tests.scripted_vault import TOKEN

REASON = {"reason": "because"}


@pytest.fixture
def support(program: MakeProgram) -> Program:
    return program(Scope.SUPPORT)


@pytest.fixture
def admin(program: MakeProgram) -> Program:
    return program(Scope.ADMIN)


def test_a_group_of_failures_is_found_looked_at_and_replayed_once(
    world: World, support: Program
) -> None:
    for who in ("ada", "bob", "cleo"):
        world.complete(who, learner={"email": None})
    world.run("normalise")
    [group] = support.told("/failures")["items"]
    path = f"/failures/{group['cause']}/members"
    first = support.told(path, limit=2)
    rest = support.told(path, limit=2, cursor=first["next"])

    begun = [
        support.post("/replays", {"cause": group["cause"], **REASON}, key="k-1") for _ in range(2)
    ]
    replay = begun[0].get_json()

    assert (3, True) == (group["size"], group["waits_for_a_person"])
    ids = [one["id"] for one in [*first["items"], *rest["items"]]]
    assert (3, None) == (len(set(ids)), rest["next"])
    assert [202, 202] == [one.status_code for one in begun]
    assert replay == begun[1].get_json()
    assert ("running", 3) == (replay["state"], replay["selected"])
    world.run("reconcile")
    told = support.told(f"/replays/{replay['id']}")
    assert ("done", 3, "token program") == (told["state"], told["going"], told["who"])
    assert [replay["id"]] == [one["id"] for one in support.told("/replays")["items"]]
    for unclear in ({}, {"ids": ["is_1"], "site": SITE}, {"ids": []}):
        assert 422 == support.post("/replays", unclear).status_code
    assert 404 == support.post("/replays", {"site": "nowhere"}).status_code
    assert 422 == support.get(path, cursor="nonsense").status_code


def test_what_is_held_together_is_looked_at_and_decided(world: World, support: Program) -> None:
    world.add_mapping(("course.title }}", "course.title }}!"), state=MappingState.REHEARSAL)
    for who in ("ada", "bob", "cleo"):
        world.complete(who)
    world.run("normalise", "issue")
    [hold] = support.told("/holds")["items"]
    path = f"/holds/{hold['id']}"
    waiting = support.told(f"{path}/certificates")["items"]

    one = support.post(f"{path}/discard", {"ids": [waiting[0]["id"], "is_none"], **REASON})
    rest = support.post(f"{path}/release", REASON).get_json()
    other = support.post(f"{path}/discard", REASON)

    assert (3, 3) == (hold["waiting"], len(waiting))
    assert (1, 2) == (one.get_json()["done"], one.get_json()["waiting"])
    assert {"is_none": f"It is no certificate of {hold['id']}."} == one.get_json()["not_about"]
    assert (2, 0) == (rest["done"], rest["waiting"])
    assert (409, "decided_otherwise") == (other.status_code, other.get_json()["error"]["code"])
    assert [] == support.told("/holds")["items"]
    assert [hold["id"]] == [one["id"] for one in support.told("/holds", all="true")["items"]]
    assert "released" == support.told(path)["outcome"]


def test_a_certificate_is_corrected_as_foreseen(world: World, support: Program) -> None:
    world.generate()
    asked = {"issuance": world.issuance.id, "changes": {"full_name": "Augusta Ada King"}}

    foreseen = support.post("/corrections/foresee", asked).get_json()
    begun = support.post("/corrections", {**asked, **REASON}, key="c-1")
    again = support.post("/corrections", {**asked, **REASON}, key="c-1")
    twice = support.post("/corrections", {**asked, **REASON}, key="c-2")

    assert 1 == foreseen["replaced"]
    assert {"full_name": {"before": "Ada Lovelace", "after": "Augusta Ada King"}} == (
        foreseen["items"][0]["fields"]
    )
    assert (202, begun.get_json()) == (again.status_code, again.get_json())
    assert (409, "already_corrected") == (twice.status_code, twice.get_json()["error"]["code"])
    told = support.told(f"/corrections/{begun.get_json()['id']}")
    assert ("done", 1) == (told["state"], told["replaced"])
    assert ["Ada Lovelace", "Augusta Ada King"] == [
        row.full_name for row in world.rows(tables.issuance)
    ]
    for unclear in ({}, {"issuance": "is_1"}, {"mapping": "m"}, {**asked, "mapping": "m"}):
        assert 422 == support.post("/corrections/foresee", unclear).status_code


def test_a_limited_token_corrects_what_it_sees_alone(world: World, program: MakeProgram) -> None:
    world.generate()
    asked = {"issuance": world.issuance.id, "changes": {"full_name": "Augusta Ada King"}}
    beyond = program(Scope.SUPPORT, Limits(sites=frozenset({"signed-main"})))
    whole = {"mapping": "course-completion", "version": 1, "reprint": True}

    assert 404 == beyond.post("/corrections", {**asked, **REASON}).status_code
    assert 403 == beyond.post("/corrections", {**whole, **REASON}).status_code
    assert 1 == len(world.rows(tables.issuance))


class TestTwoApprove:
    @pytest.fixture
    def changed_settings(self) -> dict[str, str]:
        return {"corrections_approved_by_two": "true"}

    def test_nobody_approves_what_they_asked_for_by_a_token_of_their_own(
        self, world: World, program: MakeProgram
    ) -> None:
        for name in ("ada", "sue"):
            entering.invite(
                world.bridge,
                f"{name}@staff.example",
                name=name,
                role=Role.SUPPORT,
                limits=Limits(),
                who="test",
            )
        makers: list[Maker] = [as_maker(row, who=row.email) for row in world.rows(tables.person)]
        hers, hers_too = program(Scope.SUPPORT, by=makers[0]), program(Scope.SUPPORT, by=makers[0])
        another = program(Scope.SUPPORT, by=makers[1])
        world.generate()
        changes = {"full_name": "Augusta Ada King"}
        asked = {"issuance": world.issuance.id, "changes": changes, **REASON}
        begun = hers.post("/corrections", asked).get_json()
        path = f"/corrections/{begun['id']}"

        told = [one.post(f"{path}/approve") for one in (hers, hers_too, another)]

        assert "asked" == begun["state"]
        assert [409, 409, 200] == [one.status_code for one in told]
        approved = told[2].get_json()
        assert ("done", "sue@staff.example") == (approved["state"], approved["approved_by"])
        assert 409 == another.post(f"{path}/decline", REASON).status_code


def test_a_delivery_is_told_with_its_request_and_without_secrets(
    world: World, support: Program, program: MakeProgram
) -> None:
    key = SECRET
    world.complete("ada", course={"title": f"Marine Biology {key}"})
    world.run("normalise")
    [row] = support.told("/deliveries", site=SITE)["items"]

    told = support.told(f"/deliveries/{row['id']}")
    request = support.told(f"/deliveries/{row['id']}/request")

    assert "normalised" == told["state"]
    assert ("POST", "••••••") == (request["method"], request["headers"]["webhook-signature"])
    assert "Marine Biology" in request["body"]
    assert key not in str(request)
    assert 403 == program(Scope.READ).get(f"/deliveries/{row['id']}/request").status_code
    limited = program(Scope.SUPPORT, Limits(courses=frozenset({f"{SITE}/42"})))
    assert [] == limited.told("/deliveries")["items"]
    assert 404 == limited.get(f"/deliveries/{row['id']}/request").status_code


def test_a_site_is_reconciled_and_a_difference_dismissed(
    world: World, support: Program, program: MakeProgram
) -> None:
    world.generate()
    world.run("write_back")
    world.vault.kept.clear()
    world.later(hours=1)
    begun = support.post("/reconciliations", {"site": SITE}, key="r-1")
    again = support.post("/reconciliations", {"site": SITE}, key="r-1")
    second = support.post("/reconciliations", {"site": SITE})
    run = begun.get_json()
    world.finish_run(run["id"])

    assert (202, 202, 409) == (begun.status_code, again.status_code, second.status_code)
    assert run == again.get_json()
    told = support.told(f"/reconciliations/{run['id']}")
    assert told["ended_at"] is not None
    found = support.told("/differences", run=run["id"])["items"]
    assert sum(told["open"].values()) == len(found) > 0
    path = f"/differences/{found[0]['id']}/dismiss"
    limited = program(Scope.SUPPORT, Limits(sites=frozenset({"signed-main"})))
    assert 404 == limited.post(path, REASON).status_code
    assert 404 == limited.post("/reconciliations", {"site": SITE}).status_code
    assert "dismissed" == support.post(path, REASON).get_json()["state"]
    assert found[0]["id"] not in [one["id"] for one in support.told("/differences")["items"]]
    assert 404 == support.post("/reconciliations", {"site": "nowhere"}).status_code


def test_a_mapping_goes_its_way_from_draft_to_out_of_use(world: World, admin: Program) -> None:
    path, changed = "/mappings/course-completion", MAPPING.replace("course.title", "course.code")
    wrong = MAPPING.replace("course.title", "course.titel")

    checked = [admin.post("/mappings/validate", {"document": d}) for d in (changed, wrong)]
    refused = admin.post("/mappings", {"document": wrong})
    draft = admin.post("/mappings", {"document": changed}, key="m-1").get_json()
    again = admin.post("/mappings", {"document": changed}, key="m-1").get_json()
    rehearsed = admin.post(f"{path}/rehearse").get_json()
    unsaid = admin.post(f"{path}/publish")
    published = admin.post(f"{path}/publish", REASON).get_json()
    [active] = admin.told("/mappings")["items"]
    versions = admin.told(f"{path}/versions")["items"]

    assert [True, False] == [one.get_json()["good"] for one in checked]
    [mistake] = checked[1].get_json()["mistakes"]
    assert "entry.certificate_title" == mistake["key"]
    assert (422, True) == (refused.status_code, "course.titel" in refused.text)
    assert ("draft", 2, draft) == (draft["state"], draft["version"], again)
    assert ("rehearsal", 1) == (rehearsed["state"], rehearsed["instead_of"])
    assert (422, "reason_needed") == (unsaid.status_code, unsaid.get_json()["error"]["code"])
    assert ("published", 2) == (published["state"], active["version"])
    assert [2, 1] == [one["version"] for one in versions]
    assert changed == admin.told(f"{path}/versions/2")["document"]
    assert 404 == admin.get(f"{path}/versions/3").status_code
    assert "superseded" == admin.post(f"{path}/deactivate", REASON).get_json()["state"]
    assert [] == admin.told("/mappings")["items"]
    assert 404 == admin.post(f"{path}/deactivate", REASON).status_code


def test_places_are_told_within_limits_and_without_secrets(
    world: World, program: MakeProgram
) -> None:
    everything, some = program(), program(limits=Limits(sites=frozenset({SITE})))

    sites, issuers = everything.told("/sites")["items"], everything.told("/issuers")["items"]

    assert [SITE, "signed-main"] == [one["name"] for one in sites]
    assert [SITE] == [one["name"] for one in some.told("/sites")["items"]]
    assert f"https://certs.example.edu/hooks/scripted/{SITE}" == sites[0]["hook"]
    assert (200, 404) == (
        some.get(f"/sites/{SITE}").status_code,
        some.get("/sites/signed-main").status_code,
    )
    assert (["main"], []) == ([one["name"] for one in issuers], some.told("/issuers")["items"])
    assert 404 == some.get("/issuers/main").status_code
    told = str([sites, issuers])
    assert SECRET not in told
    assert "secrets" not in told


def test_an_issuer_and_a_site_are_added_changed_tried_rotated_and_removed(
    world: World, admin: Program
) -> None:
    vault = {"name": "law", "url": world.vault.url, "institution": "Law School"}
    wrong = admin.post("/issuers", {**vault, "url": "vault", "token": "t"})
    law = admin.post("/issuers", {**vault, "token": TOKEN}, key="a-1")
    again = admin.post("/issuers", {**vault, "token": TOKEN}, key="a-1")
    given = {"name": "second-main", "connector": "scripted", "secrets": {"secrets": SECRET}}
    site = admin.post("/sites", given)
    odd = admin.post("/sites", {**given, "name": "third", "connector": "none"})

    assert (422, True) == (wrong.status_code, "url" in wrong.get_json()["error"]["fields"]["json"])
    assert (201, law.get_json()) == (again.status_code, again.get_json())
    assert 409 == admin.post("/issuers", {**vault, "token": TOKEN}).status_code
    assert (201, True) == (site.status_code, site.get_json()["hook"].endswith("/second-main"))
    assert (422, True) == (
        odd.status_code,
        "connector" in odd.get_json()["error"]["fields"]["json"],
    )
    assert admin.post("/issuers/law/check").get_json()["all_there"]
    assert "findings" in admin.post("/sites/second-main/check").get_json()
    signed = admin.post("/issuers/law/change", {"signatory_name": "Ada"}).get_json()
    zoned = admin.post("/sites/second-main/change", {"timezone": "Asia/Dubai"}).get_json()
    assert ("Ada", "Asia/Dubai") == (signed["signatory_name"], zoned["timezone"])
    assert 422 == admin.post("/sites/second-main/change", {}).status_code
    assert 422 == admin.post("/sites/second-main/change", {"timezone": "Mars"}).status_code
    assert 200 == admin.post("/issuers/law/rotate", {"secrets": {"token": TOKEN}}).status_code
    rotated = admin.post("/sites/second-main/rotate", {"secrets": {"secrets": SECRET}})
    assert 200 == rotated.status_code
    assert 409 == admin.post("/sites/second-main/resume", REASON).status_code
    for path in ("/issuers/law", "/sites/second-main"):
        assert 200 == admin.post(f"{path}/remove").status_code
        assert 404 == admin.get(path).status_code
        assert 404 == admin.post(f"{path}/remove").status_code
    kept = str(world.rows(tables.event)) + str(world.rows(tables.api_request))
    assert SECRET not in kept
    assert TOKEN not in kept


def test_people_are_invited_changed_and_removed_but_never_by_themselves(
    world: World, admin: Program, program: MakeProgram
) -> None:
    given = {"email": "ada@staff.example", "name": "Ada King", "role": "admin"}
    made = admin.post("/people", given, key="p-1")
    again = admin.post("/people", given, key="p-1")
    taken = admin.post("/people", given)
    adas = f"/people/{made.get_json()['person']['id']}"
    row = world.one(tables.person)
    hers = program(Scope.ADMIN, by=as_maker(row, who=row.email))
    made = hers.post("/people", {**given, "email": "sue@staff.example", "role": "viewer"})
    sues = f"/people/{made.get_json()['person']['id']}"

    assert (201, 201, 409) == (made.status_code, again.status_code, taken.status_code)
    for act, body in (("role", {"role": "viewer"}), ("remove", {})):
        own, last = hers.post(f"{adas}/{act}", body), admin.post(f"{adas}/{act}", body)
        assert ("yourself", "last_admin") == (
            own.get_json()["error"]["code"],
            last.get_json()["error"]["code"],
        )
    assert "/console/enter/" in hers.post(f"{sues}/link").get_json()["link"]
    assert "support" == hers.post(f"{sues}/role", {"role": "support"}).get_json()["role"]
    assert 2 == len(admin.told("/people")["items"])
    assert 200 == hers.post(f"{sues}/remove").status_code
    assert 404 == hers.post(f"{sues}/remove").status_code
    assert [row.email] == [one["email"] for one in admin.told("/people")["items"]]
    for odd in ("nobody", "a@b@c", "a b@c"):
        assert 422 == admin.post("/people", {**given, "email": odd}).status_code
    unknown = {**given, "email": "x@staff.example", "limits": {"sites": ["nowhere"]}}
    assert (422, True) == (
        admin.post("/people", unknown).status_code,
        "nowhere" in admin.post("/people", unknown).text,
    )


def test_the_overview_tells_what_the_status_tells(world: World, program: MakeProgram) -> None:
    world.generate()
    world.complete("mary", learner={"email": None})
    world.run("normalise")

    told = program().told("/overview", days=30)

    assert (2, 1) == (told["completions"]["completed"], told["completions"]["certified"])
    assert ["complete.missing.applicant_email"] == [one["cause"] for one in told["needs_a_person"]]


def test_tokens_are_listed_by_pages_and_revoked(world: World, admin: Program) -> None:
    for n in range(3):
        assert 201 == admin.post("/tokens", {"name": f"t{n}", "days": 7}).status_code
    first = admin.told("/tokens", limit=2)
    rest = admin.told("/tokens", limit=2, cursor=first["next"])

    gone = admin.post(f"/tokens/{first['items'][0]['id']}/revoke").get_json()

    assert [["t2", "t1"], ["t0", "program"]] == [
        [one["name"] for one in part["items"]] for part in (first, rest)
    ]
    assert gone["revoked_at"] is not None
    assert "hash" not in str(first)
