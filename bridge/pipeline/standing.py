"""Where a certificate stands, in the few words that learners and teachers are told."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa

from bridge.store.states import IssuanceState
from bridge.texts import mark


class Standing(enum.Enum):
    """What an issuance's state and the vault's status mean to people."""

    ISSUED = "issued"
    EARLIER = "earlier"  #: as good as ever, and a later round's has come since
    PREPARING = "preparing"
    HELD = "held"
    FAILED = "failed"
    CANCELLED = "cancelled"
    REVOKED = "revoked"  #: the vault says so, whatever we thought
    REPLACED = "replaced"  #: there is a newer one in its place
    ERASED = "erased"  #: of its holder nothing is kept here


def spoken(row: sa.Row[Any]) -> str:
    """The language a learner is spoken to in: their own if the LMS told it, else the paper's."""
    language: str = row.learner_language or row.language
    return language


#: The word that stands first, in a gradebook's cell and on the learner's page.
WORDS: Mapping[Standing, str] = MappingProxyType(
    {
        Standing.ISSUED: mark("Issued"),
        Standing.EARLIER: mark("Earlier"),
        Standing.PREPARING: mark("In preparation"),
        Standing.HELD: mark("Being checked"),
        Standing.FAILED: mark("Not issued"),
        Standing.CANCELLED: mark("Cancelled"),
        Standing.REVOKED: mark("Withdrawn"),
        Standing.REPLACED: mark("Replaced"),
        Standing.ERASED: mark("Data erased"),
    }
)

_OF_STATE: Mapping[str, Standing] = MappingProxyType(
    {
        IssuanceState.WAITING: Standing.PREPARING,
        IssuanceState.FETCHING: Standing.PREPARING,
        IssuanceState.READY: Standing.PREPARING,
        IssuanceState.SENDING: Standing.PREPARING,
        IssuanceState.PROCESSING: Standing.PREPARING,
        IssuanceState.GENERATED: Standing.ISSUED,
        IssuanceState.HELD: Standing.HELD,
        IssuanceState.FAILED: Standing.FAILED,
        IssuanceState.CANCELLED: Standing.CANCELLED,
        IssuanceState.ERASED: Standing.ERASED,
    }
)


def standing(row: sa.Row[Any], others: Iterable[sa.Row[Any]] = ()) -> Standing:
    """Where an issuance stands; ``others`` are those told beside it, of the same learner."""
    others = tuple(others)
    if _is_corrected(row, others):
        return Standing.REPLACED
    alone = _alone(row)
    if alone is Standing.REVOKED and any(_replaces(other, row) for other in others):
        return Standing.REPLACED
    if alone is Standing.ISSUED and any(_is_later(other, row, others) for other in others):
        return Standing.EARLIER
    return alone


def _alone(row: sa.Row[Any]) -> Standing:
    if row.state == IssuanceState.ERASED:
        return Standing.ERASED
    return Standing.REVOKED if row.vault_status == "revoked" else _OF_STATE[row.state]


def _is_corrected(row: sa.Row[Any], others: Iterable[sa.Row[Any]]) -> bool:
    """Whether another was made in its place, also where its vault cannot revoke it."""
    return any(other.replaces == row.id and other.generated_at is not None for other in others)


def _is_later(other: sa.Row[Any], row: sa.Row[Any], others: Iterable[sa.Row[Any]]) -> bool:
    of_one_kind = other.mapping_name == row.mapping_name and _alone(other) is Standing.ISSUED
    later = of_one_kind and (other.issue_date, other.id) > (row.issue_date, row.id)
    return later and not _is_corrected(other, others)


def _replaces(other: sa.Row[Any], row: sa.Row[Any]) -> bool:
    # Ids of one kind sort by the moment they were made.
    newer = other.mapping_name == row.mapping_name and other.id > row.id
    return newer and _alone(other) is Standing.ISSUED
