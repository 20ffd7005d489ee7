"""The ten worked examples, all in use together: each issues for the completion it is meant for."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from bridge.store import mapping_versions, tables
from tests.bridge.world import World

SITE = "moodle-main"
EXAMPLES = {
    path.name.removesuffix(".yaml"): path.read_text(encoding="utf-8")
    for path in files("mappings").joinpath("examples").iterdir()
    if path.name.endswith(".yaml")
}
PRIVATE = {"private_email": "eve@home.example"}
#: By the learner: what is told of the completion, and the titles that come of it.
COMPLETIONS: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "ada": (
        {"course": {"code": "HIST-1", "title": "History"}},
        {"course-completion": "Certificate of Completion: History"},
    ),
    "amina": (
        {"course": {"code": "HIST-2", "title": "History", "language": "ar"}},
        {"arabic": "شهادة إتمام: History"},
    ),
    "bela": (
        {
            "course": {"code": "LANG-1", "title": "Hungarian", "language": "hu"},
            "learner": {"given_name": "béla", "family_name": "BARTÓK"},
        },
        {"names-in-order": "Hungarian"},
    ),
    "bob": (
        {"course": {"code": "BIO-1", "title": "Biology"}, "grade": {"percent": 91}},
        {"only-with-grade": "Biology (BIO-1)"},
    ),
    "carl": (
        {
            "course": {"code": "EXAM-1", "title": "Physics"},
            "grade": {"percent": 85, "points": 17, "maximum": 20},
        },
        {"grade-bands": "Physics, with distinction"},
    ),
    "dora": (
        {"course": {"code": "FIRE-01"}, "learner": {"given_name": "Dora", "family_name": "Lee"}},
        {"several-courses": "Fire Safety for Staff"},
    ),
    "eve": (
        {
            "course": {"code": "MED-9", "title": "Medicine", "category": "Graduate school"},
            "learner": {"custom": PRIVATE},
        },
        {"personal-address": "Medicine"},
    ),
    "fay": (
        {"course": {"code": "SAFE-1", "title": "Safety"}, "cohorts": ["staff-night"]},
        {"staff-only": "Safety"},
    ),
    "gil": (
        {"course": {"code": "REFRESH-1", "title": "Resuscitation"}},
        {"yearly-refresher": "Resuscitation"},
    ),
    "hal": (
        {"course": {"code": "NUR-FINAL", "title": "Nursing"}},
        {
            "course-completion": "Certificate of Completion: Nursing",
            "programme": "Nursing Programme",
        },
    ),
}


def test_each_example_issues_for_the_completion_it_is_meant_for(world: World) -> None:
    world.add_site(SITE, "scripted")
    with world.bridge.database.write() as conn:
        for name, document in EXAMPLES.items():
            mapping_versions.add(conn, name, document, now=world.clock.now())
    for who, (told, _) in COMPLETIONS.items():
        assert (
            202 == world.post(world.body(who, **told), path=f"/hooks/scripted/{SITE}").status_code
        )
    world.settle()

    rows = world.rows(tables.issuance)
    issued: dict[str, dict[str, str]] = {who: {} for who in COMPLETIONS}
    for row in rows:
        issued[row.learner_id][row.mapping_name] = row.certificate_title
    assert {who: titles for who, (_, titles) in COMPLETIONS.items()} == issued
    assert set(EXAMPLES) == {row.mapping_name for row in rows}
    assert {"generated"} == {row.state for row in rows}
    assert {1} == set(world.vault.created.values())
    assert len(rows) == len(world.vault.created)
    told_back = {row.learner_id for row in world.rows(tables.write_back)}
    assert {"fay", "gil"} == set(COMPLETIONS) - told_back
