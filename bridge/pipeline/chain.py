"""Certificates that came in each other's place: which of them a link leads to, and what was before.

A chain is given newest first, as `bridge.store.issuances.chain` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from bridge.pipeline.standing import Standing, standing


def leads_to(row: sa.Row[Any], chain: Sequence[sa.Row[Any]]) -> sa.Row[Any]:
    """What a link to a certificate leads to now: the valid one in its place, if there is any.

    Where a correction changed the e-mail address, it leads no further: the link may have been
    mailed to the wrong person. Where nothing is valid, to the newest that is on its way.
    """
    newer = [
        other
        for other in chain
        if other.revision > row.revision
        and other.applicant_email.casefold() == row.applicant_email.casefold()
    ]
    valid = [other for other in newer if standing(other) is Standing.ISSUED]
    if valid or standing(row) is Standing.ISSUED:
        return [*valid, row][0]
    coming = [other for other in newer if standing(other) is not Standing.CANCELLED]
    return [*coming, row][0]


def before(row: sa.Row[Any], chain: Sequence[sa.Row[Any]]) -> Sequence[sa.Row[Any]]:
    """The certificates that were issued before one of a chain, newest first."""
    return [
        other for other in chain if other.revision < row.revision and other.generated_at is not None
    ]
