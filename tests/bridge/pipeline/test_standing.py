"""Where a certificate stands: a word for every state, and the vault's word above ours."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from bridge.pipeline.standing import WORDS, Standing, standing
from bridge.store.states import IssuanceState
from tests.bridge.institution import NOON


def row(state: str, vault_status: str | None = None, **changed: Any) -> Any:
    values = {"id": "is_1", "mapping_name": "m", "state": state, "vault_status": vault_status}
    kin = {"replaces": None, "generated_at": NOON if state == "generated" else None}
    return SimpleNamespace(**{**values, **kin, **changed})


def test_every_state_means_something() -> None:
    expected = {
        "waiting": Standing.PREPARING,
        "fetching": Standing.PREPARING,
        "ready": Standing.PREPARING,
        "sending": Standing.PREPARING,
        "processing": Standing.PREPARING,
        "generated": Standing.ISSUED,
        "held": Standing.HELD,
        "failed": Standing.FAILED,
        "cancelled": Standing.CANCELLED,
        "erased": Standing.ERASED,
    }

    assert expected == {state.value: standing(row(state)) for state in IssuanceState}


def test_every_standing_has_a_word() -> None:
    assert set(Standing) == set(WORDS)


@pytest.mark.parametrize("state", ["generated", "cancelled", "processing"])
def test_what_the_vault_revoked_is_revoked(state: str) -> None:
    assert Standing.REVOKED is standing(row(state, "revoked"))


def test_a_status_we_do_not_know_changes_nothing() -> None:
    assert Standing.PREPARING is standing(row("processing", "awaiting-a-miracle"))


def test_revoked_and_made_anew_is_replaced() -> None:
    newer = row("generated", "generated", id="is_2")

    assert Standing.REPLACED is standing(row("generated", "revoked"), [newer])


@pytest.mark.parametrize(
    "other",
    [
        row("generated", "generated", id="is_0"),
        row("generated", "generated", id="is_2", mapping_name="another"),
        row("generated", "revoked", id="is_2"),
        row("processing", "processing", id="is_2"),
    ],
    ids=["older", "of another mapping", "revoked too", "not there yet"],
)
def test_nothing_but_a_newer_valid_one_replaces(other: Any) -> None:
    assert Standing.REVOKED is standing(row("generated", "revoked"), [other])


@pytest.mark.parametrize("vault_status", ["generated", "revoked"])
def test_what_was_corrected_is_replaced_whatever_its_vault_can_do(vault_status: str) -> None:
    corrected = row("generated", "generated", id="is_2", replaces="is_1")

    assert Standing.REPLACED is standing(row("generated", vault_status), [corrected])


def test_a_correction_on_its_way_replaces_nothing_yet() -> None:
    coming = row("processing", "processing", id="is_2", replaces="is_1")

    assert Standing.ISSUED is standing(row("generated", "generated"), [coming])


def test_what_a_correction_of_another_date_replaced_makes_it_no_earlier_one() -> None:
    wrong = row("generated", "generated", id="is_1", issue_date=NOON.date())
    right = row(
        "generated", "generated", id="is_2", replaces="is_1", issue_date=NOON.date().replace(day=1)
    )

    assert Standing.ISSUED is standing(right, [wrong, right])
