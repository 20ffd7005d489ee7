"""Why certificates are held until a person decides about all of them, and how each says so."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from bridge.pipeline.causes import cause
from bridge.pipeline.drafts import STEP
from bridge.pipeline.versioned import Versioned
from bridge.store.holds import Group
from bridge.store.states import HoldKind

#: Of a certificate that a person has discarded, and of its completion.
DISCARDED = cause(STEP, "discarded")


def rehearsal(by: Versioned) -> Group:
    """What a version that is rehearsed makes."""
    name, version = by.mapping.name, by.version
    return Group(
        kind=HoldKind.REHEARSAL,
        cause=cause(STEP, "rehearsal"),
        problem=f"Version {version} of the mapping {name} is being rehearsed: what it makes waits.",
        mapping_name=name,
        mapping_version=version,
    )


def said(hold: sa.Row[Any]) -> dict[str, str]:
    """What each certificate of a hold says; the cause names the hold, so that they are a group."""
    return {
        "cause": f"{hold.cause}.{hold.id}",
        "problem": hold.problem,
        "remedy": f"Look at all of them: `vaultbridge holds show {hold.id}`. Then "
        f"`vaultbridge release {hold.id}`, or `vaultbridge discard {hold.id}`.",
    }
