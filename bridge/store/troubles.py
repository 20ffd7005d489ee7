"""What keeps a row from going on: its problem, remedy and cause, which come and go together."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

#: The columns of a row that nothing is the matter with (any more).
MENDED: Mapping[str, None] = MappingProxyType(
    dict.fromkeys(("problem", "remedy", "cause", "failing_since"))
)


def troubled(
    row: Any | None, *, cause: str, problem: str, remedy: str | None, now: datetime
) -> dict[str, Any]:
    """The columns of a row in trouble. It fails since it first failed of this very cause.

    ``row`` is the row as it was; None for a new one.
    """
    same = row is not None and row.cause == cause
    return {
        "problem": problem,
        "remedy": remedy,
        "cause": cause,
        "failing_since": row.failing_since if same and row is not None else now,
    }
