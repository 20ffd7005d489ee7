"""Row ids: a prefix that says which kind, then the time, then chance."""

from __future__ import annotations

import secrets
from datetime import datetime

#: Prefix to kind, as `vaultbridge show ID` understands it.
KINDS = {
    "ir": "issuer",
    "st": "site",
    "mv": "mapping version",
    "dl": "delivery",
    "cp": "completion",
    "is": "issuance",
    "co": "correction",
    "rv": "revocation",
    "er": "erasure",
    "ve": "vault erasure",
    "wb": "write-back",
    "ml": "mail",
    "rr": "reconcile run",
    "df": "difference",
    "rp": "replay",
    "nt": "notice",
    "ho": "hold",
    "an": "announcement",
    "pe": "person",
    "tk": "api token",
}


def new_id(prefix: str, now: datetime) -> str:
    """A new id; ids of one kind sort by the moment they were made."""
    return f"{prefix}_{int(now.timestamp() * 1000):012x}{secrets.token_hex(5)}"


def before(prefix: str, moment: datetime) -> str:
    """What sorts before every id made from that moment on, and after every earlier one."""
    return f"{prefix}_{int(moment.timestamp() * 1000):012x}"


def kind_of(row_id: str) -> str | None:
    """Which kind of row an id belongs to; None if it is no id of ours."""
    prefix, _, rest = row_id.partition("_")
    return KINDS.get(prefix) if len(rest) == 22 else None
