"""Where certificates' files come from: printed here, or made by the LMS and fetched first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from bridge.store.states import IssuanceState
from bridge.store.tables import issuance
from mappings.model import LMS

#: In ``certificate`` of an issuance.
FROM = "from"


def is_from_lms(certificate: Mapping[str, Any]) -> bool:
    """Whether the LMS makes this certificate's file."""
    return certificate.get(FROM) == LMS


def first_state(certificate: Mapping[str, Any]) -> IssuanceState:
    """Where an issuance begins that nothing holds: with its file, where the LMS makes it."""
    return IssuanceState.FETCHING if is_from_lms(certificate) else IssuanceState.READY


def lacks_lms_file() -> sa.ColumnElement[bool]:
    """Issuances whose file is still to be fetched."""
    from_lms = issuance.c.certificate[FROM].as_string().is_not_distinct_from(LMS)
    return sa.and_(issuance.c.file_sha256.is_(None), from_lms)


def next_state() -> sa.ColumnElement[str]:
    """Where an issuance goes on that nothing holds any more."""
    return sa.case(
        (lacks_lms_file(), IssuanceState.FETCHING.value), else_=IssuanceState.READY.value
    )
