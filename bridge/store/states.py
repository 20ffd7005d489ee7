"""The states of rows; forwards only, but for a person's replay."""

from __future__ import annotations

from enum import StrEnum


class MappingState(StrEnum):
    """Where a version of a mapping stands; of one name at most one is in use."""

    DRAFT = "draft"  #: kept, and nothing is mapped by it
    REHEARSAL = "rehearsal"  #: in use, and what it makes waits for a person
    PUBLISHED = "published"  #: in use
    SUPERSEDED = "superseded"  #: was in use


#: Completions are mapped by versions of these states.
IN_USE = (MappingState.REHEARSAL, MappingState.PUBLISHED)


class DeliveryState(StrEnum):
    """What became of a delivery."""

    WAITING = "waiting"  #: stored, not read yet
    NORMALISED = "normalised"  #: its completions are rows
    DEAD = "dead"  #: authentic and unreadable: a dead letter
    QUARANTINED = "quarantined"  #: speaks for another site


class CompletionState(StrEnum):
    """What became of a completion."""

    FOUND = "found"  #: known from a delivery, to be enriched and mapped
    MAPPED = "mapped"  #: an issuance stands for it
    UNMATCHED = "unmatched"  #: no mapping wants it
    SAME = "same"  #: told before; ``same_as`` names the row that stands for it
    EARLY = "early"  #: completed before the site's ``issue_from``: issued if a person asks for it
    AGAIN = "again"  #: certified in an earlier round, and the mapping's ``again`` wants no other
    DISCARDED = "discarded"  #: a person has discarded its certificate: issued if one asks for it
    HELD = "held"  #: a person decides
    ERASED = "erased"  #: the learner's data is gone; what is left keeps it from being issued again


class IssuanceState(StrEnum):
    """Where a certificate stands on its way."""

    WAITING = "waiting"  #: for the certificate that it replaces to be revoked
    FETCHING = "fetching"  #: the LMS is asked for the file that it makes
    READY = "ready"
    SENDING = "sending"  #: an attempt may be under way
    PROCESSING = "processing"  #: the vault has it
    GENERATED = "generated"
    HELD = "held"  #: a person decides
    FAILED = "failed"  #: final, with cause and remedy
    CANCELLED = "cancelled"
    ERASED = "erased"  #: issued or not, the learner's data is gone


#: Where an issuance has not been sent, or was refused, and may be mapped anew.
UNSENT = (IssuanceState.HELD, IssuanceState.FAILED)


class HoldKind(StrEnum):
    """What certificates are held together for."""

    REHEARSAL = "rehearsal"  #: their mapping is tried out
    BRAKE = "brake"  #: they look wrong


class HoldOutcome(StrEnum):
    """What a person decided about a hold."""

    RELEASED = "released"
    DISCARDED = "discarded"


class RevocationState(StrEnum):
    """Whether a certificate that a newer one replaces is revoked at its vault."""

    WAITING = "waiting"  #: for the newer one, so that there is always a valid one
    DUE = "due"
    REVOKED = "revoked"  #: and the newer one, which could not be there before, is to be named yet
    DONE = "done"
    KEPT = "kept"  #: its vault cannot revoke: it stays valid there


class ErasureState(StrEnum):
    """How far the erasing of a learner's data has come; our own rows are erased at once."""

    SEARCHING = "searching"  #: raw deliveries, for what is told of the learner
    DONE = "done"


class VaultErasureState(StrEnum):
    """Whether a vault has erased the data of a certificate's holder."""

    DUE = "due"
    DONE = "done"
    KEPT = "kept"  #: it cannot be told to by us: a person has to ask its operator


class CorrectionState(StrEnum):
    """How far a correction has come."""

    ASKED = "asked"  #: a second person has to approve it
    DECLINED = "declined"  #: nothing was changed
    RUNNING = "running"  #: or interrupted: it can be continued
    DONE = "done"


class WriteBackState(StrEnum):
    """Whether a learner's gradebook row says what it must."""

    DUE = "due"
    WRITING = "writing"  #: a write may be under way
    WRITTEN = "written"  #: the LMS took it; it has not been seen there yet
    READ_BACK = "read_back"  #: it stands there, seen
    WAITING = "waiting"  #: the course has no place for it yet
    REFUSED = "refused"  #: the LMS will not take it
    OVERRIDDEN = "overridden"  #: a person graded there or wrote: left alone
    LOST = "lost"  #: it vanished once more after it was written anew


#: A write is under way, or was taken: what was written last has not been seen there yet.
UNDER_WAY = (WriteBackState.WRITING, WriteBackState.WRITTEN)
#: What is to be written there is not, or not until a person has done something.
OUT_OF_HAND = (
    WriteBackState.WAITING,
    WriteBackState.REFUSED,
    WriteBackState.OVERRIDDEN,
    WriteBackState.LOST,
)
#: What is looked at every so often, whether it still is so; nothing is to be written.
LOOKED_AT = (WriteBackState.READ_BACK, WriteBackState.OVERRIDDEN, WriteBackState.LOST)


class AttemptOutcome(StrEnum):
    """How a remote call ended; a call without an outcome is ambiguous for ever."""

    DONE = "done"
    TAKEN_IN = "taken_in"  #: by a bulk upload: a promise, not yet a certificate
    NOT_SENT = "not_sent"
    REFUSED = "refused"
    DUPLICATE = "duplicate"
    AMBIGUOUS = "ambiguous"


class DifferenceState(StrEnum):
    """What became of a difference that reconciliation found."""

    OPEN = "open"
    MENDED = "mended"  #: what mends it was done
    GONE = "gone"  #: no longer there when it was looked at again
    DISMISSED = "dismissed"  #: a person says that it is no difference


class ReplayState(StrEnum):
    """Whether a replay has come to its end."""

    RUNNING = "running"  #: or interrupted: it can be continued
    DONE = "done"


class MailState(StrEnum):
    """Whether a mail has left."""

    DUE = "due"
    SENT = "sent"
    FAILED = "failed"


class NoticeState(StrEnum):
    """Whether a message to an owner has left."""

    DUE = "due"
    SENT = "sent"
    FAILED = "failed"
