"""The checker is honest: each kind of fault, planted by itself, is told, and nothing else is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.chaos.checking import Certificate, Completed, Observed, check

ADA, BOB = (2, 101), (2, 102)


def completed(learner: int, *, acked: bool = True) -> Completed:
    return Completed(
        who=(2, learner),
        acked=acked,
        vault="vendor",
        email=f"l{learner}@x.example",
        title="Certificate of Completion: Water",
        day="2026-11-23",
        full_name=f"Learner {learner}",
    )


def certificate(learner: int) -> Certificate:
    one = completed(learner)
    return Certificate(
        vault=one.vault,
        email=one.email,
        title=one.title,
        day=one.day,
        full_name=one.full_name,
        details="Ref 0a1b2c3d",
        reference_id=f"VEC-IC-2026{learner:013X}",
        status="generated",
    )


def cell(learner: int) -> str:
    return f"<p>Issued · {certificate(learner).reference_id} · <a href='x'>Open</a></p>"


GOOD = Observed(
    completed=[completed(101), completed(102, acked=False)],
    certificates=[certificate(101), certificate(102)],
    made={certificate(101).key: 1, certificate(102).key: 1},
    gradebook={ADA: cell(101), BOB: cell(102)},
    held={},
    heard=3,
    kills=7,
)
#: Ada's certificate is at no vault, and the gradebook says nothing of it.
WITHOUT_ADA = replace(
    GOOD,
    certificates=[certificate(102)],
    made={certificate(102).key: 1},
    gradebook={BOB: cell(102)},
)
STRANGER = certificate(103)


def test_when_all_is_well_everything_is_zero() -> None:
    verdict = check(GOOD)

    assert "acked=1 issued=2 held=0 lost=0 doubled=0 wrong=0 unexplained=0 kills=7" == (
        verdict.line()
    )
    assert verdict.good


def test_what_is_held_with_a_reason_is_not_lost() -> None:
    verdict = check(replace(WITHOUT_ADA, held={ADA: "The name is missing."}))

    assert "acked=1 issued=1 held=1 lost=0 doubled=0 wrong=0 unexplained=0 kills=7" == (
        verdict.line()
    )
    assert verdict.good


@pytest.mark.parametrize(
    ("planted", "kind"),
    [
        (WITHOUT_ADA, "lost"),
        (
            replace(
                GOOD,
                certificates=[certificate(101)],
                made={certificate(101).key: 1},
                gradebook={ADA: cell(101)},
            ),
            "lost",
        ),
        (replace(GOOD, made={**GOOD.made, certificate(101).key: 2}), "doubled"),
        (replace(GOOD, certificates=[*GOOD.certificates, certificate(101)]), "doubled"),
        (
            replace(
                GOOD,
                certificates=[replace(certificate(101), full_name="Learner 102"), certificate(102)],
            ),
            "wrong",
        ),
        (
            replace(GOOD, certificates=[replace(certificate(101), details=""), certificate(102)]),
            "wrong",
        ),
        (
            replace(
                GOOD,
                certificates=[replace(certificate(101), status="processing"), certificate(102)],
            ),
            "wrong",
        ),
        (replace(GOOD, gradebook={ADA: cell(102), BOB: cell(102)}), "wrong"),
        (replace(GOOD, gradebook={BOB: cell(102)}), "wrong"),
        (replace(GOOD, gradebook={ADA: cell(101) + cell(102), BOB: cell(102)}), "wrong"),
        (
            replace(
                GOOD,
                certificates=[*GOOD.certificates, STRANGER],
                made={**GOOD.made, STRANGER.key: 1},
            ),
            "unexplained",
        ),
        (replace(GOOD, made={**GOOD.made, STRANGER.key: 1}), "unexplained"),
        (replace(GOOD, made={certificate(102).key: 1}), "unexplained"),
        (replace(GOOD, gradebook={**GOOD.gradebook, (2, 103): cell(103)}), "unexplained"),
        (replace(GOOD, held={ADA: "The vault refuses it."}), "unexplained"),
        (replace(GOOD, restless=["issuance"]), "unexplained"),
        (replace(GOOD, heard=0), "unexplained"),
    ],
    ids=[
        "acknowledged and nowhere",
        "never told and never found",
        "the vault made two",
        "the vault lists two",
        "somebody else's name",
        "without our mark",
        "never generated",
        "somebody else's reference id",
        "not in the gradebook",
        "two reference ids",
        "for nobody",
        "made and gone",
        "listed and never counted",
        "in the gradebook of nobody",
        "held and issued",
        "still at work",
        "deaf to the vaults",
    ],
)
def test_each_planted_fault_is_told_once_and_by_its_kind(planted: Observed, kind: str) -> None:
    verdict = check(planted)

    assert {kind: 1} == {k: len(found) for k, found in verdict.faults.items() if found}
    assert f" {kind}=1 " in verdict.line()
    assert not verdict.good


def test_a_run_in_which_nothing_was_acknowledged_proves_nothing() -> None:
    unheard = [completed(101, acked=False), completed(102, acked=False)]

    assert not check(replace(GOOD, completed=unheard)).good
