"""What may have to be told: concerns, each of a place, and whose they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

Place = tuple[str, str]  #: its kind (site, issuer, operator) and its name

#: Whoever runs the bridge is told of what has no owner.
OPERATOR = "operator"
#: The causes that are told and are no row's.
SILENT = "silent"
REFUSED = "refused"
NOT_RUNNING = "not_running"


@dataclass(frozen=True, slots=True, kw_only=True)
class Concern:
    """Something that is the matter with a place, as it is told."""

    kind: str
    place: str
    audience: str
    cause: str
    size: int  #: how many rows; 0 where it is not about rows
    since: datetime
    means: str
    move: str
    command: str
    at_once: bool  #: False for what may mend itself: it is told if it lasts
    daily: bool = True  #: False for what is told once, and then with all else that stands

    @property
    def key(self) -> tuple[str, str, str]:
        """What it is known by."""
        return (self.kind, self.place, self.cause)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Everything that stands, and who is told of which place."""

    concerns: Sequence[Concern]
    audience_of: Mapping[Place, str]
    audiences: Sequence[str]
