"""The named causes of differences: which comparison finds them, and who or what mends them."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


class Part(enum.Enum):
    """What is compared; each by itself, so that one that cannot be does not hide the others."""

    LMS = "lms"
    DELIVERIES = "deliveries"
    COMPLETIONS = "completions"
    ISSUANCES = "issuances"
    VAULT = "vault"
    GRADEBOOK = "gradebook"


class Mends(enum.Enum):
    """What mends a difference."""

    FIX = "fix"  #: ``--fix``, or the clock where the site's ``auto_mend`` is on
    NAMED = "named"  #: ``--fix`` where the cause is named: it may issue again
    PERSON = "person"  #: a person, by what the remedy says
    ITSELF = "itself"  #: nothing needs to be done


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One cause."""

    part: Part
    mends: Mends
    text: str  #: what it is, in a line


def _cause(part: Part, mends: Mends, text: str) -> Cause:
    return Cause(part=part, mends=mends, text=text)


NEVER_TOLD = "never_told"
TURNED_AWAY = "turned_away"
NOT_CERTIFIABLE = "not_certifiable"
WITHDRAWN = "withdrawn"
DELIVERY_DEAD = "delivery_dead"
DELIVERY_QUARANTINED = "delivery_quarantined"
DELIVERY_STUCK = "delivery_stuck"
COMPLETION_HELD = "completion_held"
COMPLETION_UNMATCHED = "completion_unmatched"
COMPLETION_STUCK = "completion_stuck"
ISSUANCE_HELD = "issuance_held"
ISSUANCE_FAILED = "issuance_failed"
ISSUANCE_STUCK = "issuance_stuck"
MISSING_AT_VAULT = "missing_at_vault"
REVOKED_AT_VAULT = "revoked_at_vault"
DOUBLED_AT_VAULT = "doubled_at_vault"
REFERENCE_DIFFERS = "reference_differs"
ENTRY_DIFFERS = "entry_differs"
STATUS_DIFFERS = "status_differs"
NOT_ADOPTED = "not_adopted"
OURS_UNKNOWN = "ours_unknown"
FOREIGN = "foreign"
GRADEBOOK_UNTOLD = "gradebook_untold"
GRADEBOOK_DIFFERS = "gradebook_differs"
GRADEBOOK_OVERRIDDEN = "gradebook_overridden"
GRADEBOOK_LOST = "gradebook_lost"
GRADEBOOK_WAITING = "gradebook_waiting"
GRADEBOOK_REFUSED = "gradebook_refused"
GRADEBOOK_STUCK = "gradebook_stuck"

#: Not differences, but remembered, so that nobody is asked again and again.
EARLY = "early"
UNLISTED = "unlisted"

CAUSES: Mapping[str, Cause] = MappingProxyType(
    {
        NEVER_TOLD: _cause(Part.LMS, Mends.FIX, "Completed in the LMS, and no delivery told us."),
        TURNED_AWAY: _cause(
            Part.LMS,
            Mends.FIX,
            "Completed in the LMS, and told at most by deliveries that were turned away.",
        ),
        NOT_CERTIFIABLE: _cause(
            Part.LMS, Mends.PERSON, "Completed by the LMS's list, but the LMS says no more of it."
        ),
        WITHDRAWN: _cause(Part.LMS, Mends.PERSON, "Certified, and no longer completed in the LMS."),
        DELIVERY_DEAD: _cause(
            Part.DELIVERIES, Mends.PERSON, "A delivery came that could not be read."
        ),
        DELIVERY_QUARANTINED: _cause(
            Part.DELIVERIES, Mends.PERSON, "A delivery came that speaks for another site."
        ),
        DELIVERY_STUCK: _cause(
            Part.DELIVERIES, Mends.ITSELF, "A delivery came and waits to be read."
        ),
        COMPLETION_HELD: _cause(
            Part.COMPLETIONS, Mends.PERSON, "A completion is held: a person decides."
        ),
        COMPLETION_UNMATCHED: _cause(
            Part.COMPLETIONS, Mends.PERSON, "A completion that no mapping wants."
        ),
        COMPLETION_STUCK: _cause(Part.COMPLETIONS, Mends.ITSELF, "A completion waits for its LMS."),
        ISSUANCE_HELD: _cause(
            Part.ISSUANCES, Mends.PERSON, "A certificate is held: a person decides."
        ),
        ISSUANCE_FAILED: _cause(Part.ISSUANCES, Mends.PERSON, "A certificate failed for good."),
        ISSUANCE_STUCK: _cause(Part.ISSUANCES, Mends.ITSELF, "A certificate waits for its vault."),
        MISSING_AT_VAULT: _cause(Part.VAULT, Mends.NAMED, "Issued, and not at its vault any more."),
        REVOKED_AT_VAULT: _cause(
            Part.VAULT, Mends.ITSELF, "Revoked at the vault after it was issued."
        ),
        DOUBLED_AT_VAULT: _cause(
            Part.VAULT, Mends.PERSON, "Twice at the vault: same e-mail, title and issue date."
        ),
        REFERENCE_DIFFERS: _cause(
            Part.VAULT, Mends.FIX, "The vault has another reference id than we told."
        ),
        ENTRY_DIFFERS: _cause(Part.VAULT, Mends.PERSON, "The vault has other words than we sent."),
        STATUS_DIFFERS: _cause(
            Part.VAULT, Mends.PERSON, "The vault no longer calls it what it did."
        ),
        NOT_ADOPTED: _cause(
            Part.VAULT, Mends.FIX, "At the vault with our mark, and held or failed here."
        ),
        OURS_UNKNOWN: _cause(
            Part.VAULT, Mends.PERSON, "At the vault with our mark, and not known here."
        ),
        FOREIGN: _cause(
            Part.VAULT, Mends.ITSELF, "At the vault without our mark, and not known here."
        ),
        GRADEBOOK_UNTOLD: _cause(
            Part.GRADEBOOK, Mends.FIX, "Issued, and the gradebook was never told."
        ),
        GRADEBOOK_DIFFERS: _cause(
            Part.GRADEBOOK, Mends.FIX, "Told, and the gradebook does not say it any more."
        ),
        GRADEBOOK_OVERRIDDEN: _cause(
            Part.GRADEBOOK, Mends.PERSON, "Graded or changed by a person in the gradebook."
        ),
        GRADEBOOK_LOST: _cause(
            Part.GRADEBOOK, Mends.PERSON, "Vanished from the gradebook again after it was mended."
        ),
        GRADEBOOK_WAITING: _cause(
            Part.GRADEBOOK, Mends.PERSON, "The course has no place for certificates."
        ),
        GRADEBOOK_REFUSED: _cause(
            Part.GRADEBOOK, Mends.PERSON, "The gradebook does not take the text."
        ),
        GRADEBOOK_STUCK: _cause(Part.GRADEBOOK, Mends.ITSELF, "The gradebook waits to be told."),
    }
)

#: Those that are rows of ours in trouble, which say their own cause (bridge.store.failures).
TOLD_BY_ROWS = frozenset(
    {
        *(
            name
            for name, cause in CAUSES.items()
            if cause.part in (Part.DELIVERIES, Part.COMPLETIONS, Part.ISSUANCES)
        ),
        GRADEBOOK_WAITING,
        GRADEBOOK_REFUSED,
        GRADEBOOK_STUCK,
        GRADEBOOK_OVERRIDDEN,
        GRADEBOOK_LOST,
    }
)


def causes_of(part: Part) -> frozenset[str]:
    """The causes that one comparison finds."""
    return frozenset(name for name, cause in CAUSES.items() if cause.part is part)


def mended_by_fix(named: frozenset[str] | None) -> frozenset[str]:
    """The causes that ``--fix`` mends; ``named``: only these, and those that must be named."""
    if named is None:
        return frozenset(name for name, cause in CAUSES.items() if cause.mends is Mends.FIX)
    able = {Mends.FIX, Mends.NAMED}
    return frozenset(name for name in named if CAUSES[name].mends in able)
