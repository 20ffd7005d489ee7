"""What a replay of a row would come to, in a word and a sentence."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace


class Outlook(enum.Enum):
    """What becomes of a row, as far as it can be told."""

    ISSUED = "would be issued"
    WAITS = "would wait for a person"
    VAULT = "would go on at the vault"
    WRITTEN = "would be written to the gradebook"
    UNCHANGED = "changes nothing"
    FAILS = "still fails"
    COLLIDES = "collides"
    UNKNOWN = "cannot be told now"


#: Of several outlooks, the one that is told first.
_ATTENTION = (
    Outlook.FAILS,
    Outlook.COLLIDES,
    Outlook.UNKNOWN,
    Outlook.WAITS,
    Outlook.ISSUED,
    Outlook.VAULT,
    Outlook.WRITTEN,
    Outlook.UNCHANGED,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """What a replay of one id would come to."""

    id: str
    outlook: Outlook
    said: str
    cause: str | None = None  #: for FAILS, what it then fails for


def totals(foreseen: Sequence[Foreseen]) -> dict[str, int]:
    """How many there are of each outlook, in the order of `Outlook`."""
    counted = Counter(each.outlook for each in foreseen)
    return {outlook.value: counted[outlook] for outlook in Outlook if counted[outlook]}


def together(row_id: str, each: Sequence[Foreseen], *, what: str) -> Foreseen:
    """One outlook for all that a row comes to: the one that most asks for attention."""
    outlook = min((one.outlook for one in each), key=_ATTENTION.index)
    first = next(one for one in each if one.outlook is outlook)
    if len(each) == 1:
        return replace(first, id=row_id)
    counted = ", ".join(f"{count} {outlook}" for outlook, count in totals(each).items())
    said = f"{len(each)} {what}: {counted}. {first.said}"
    return replace(first, id=row_id, said=said)
