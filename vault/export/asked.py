"""What an export was asked for, as its folder keeps it while it is incomplete."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from vault.certificate import Status
from vault.store.listing import Filters

#: The form of an export's folder, in case it changes one day.
FORM = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which certificates, and whether with the files that were handed in; None does not narrow."""

    institution: str | None = None  #: its name
    status: Status | None = None
    since: date | None = None  #: added or changed on this day (UTC) or later
    issue_date_from: date | None = None
    issue_date_to: date | None = None
    uploaded: bool = False

    @property
    def filters(self) -> Filters:
        """What the list calls the same."""
        return Filters(
            status=self.status,
            issue_date_from=self.issue_date_from,
            issue_date_to=self.issue_date_to,
        )

    @property
    def updated_since(self) -> datetime | None:
        """The first moment of the day ``since``."""
        return datetime.combine(self.since, time(), tzinfo=UTC) if self.since else None

    def told(self) -> dict[str, str | bool | None]:
        """As JSON says it, by the names of the command's options."""
        return {
            "institution": self.institution,
            "status": self.status and self.status.value,
            "since": _day(self.since),
            "issue_date_from": _day(self.issue_date_from),
            "issue_date_to": _day(self.issue_date_to),
            "uploaded": self.uploaded,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """An export that has begun, and may have been interrupted since."""

    vault: str  #: the vault's public address
    asked: Mapping[str, str | bool | None]
    begun_at: str
    up_to_id: int  #: the newest certificate at that moment; what came later is not in it


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None
