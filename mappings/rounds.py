"""Whether a learner's next round of the same course is certified, as a mapping's ``again`` says."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from connectors.base import Completion
from mappings.model import Again, AgainKind


def certifies(again: Again, round_: datetime, *, last: datetime) -> bool:
    """Whether a round of that moment is certified; ``last`` is that of the last certified one."""
    if again.kind is AgainKind.AFTER and again.after is not None:
        return round_ >= last + again.after
    return again.kind is AgainKind.ALWAYS


def moment(completion: Completion) -> datetime:
    """When it was completed; where the LMS does not tell, when that was heard of."""
    return completion.completed_at or completion.noticed_at


def leaves_out(
    again: Again,
    completion: Completion,
    earlier: Iterable[Completion],
    *,
    has: Callable[[Completion], bool],
) -> bool:
    """Whether a completion is not certified for the sake of the learner's earlier rounds.

    These come oldest first; ``has`` tells of which the mapping makes a certificate, if ``again``
    lets it.
    """
    last: datetime | None = None
    for each in earlier:
        at = moment(each)
        if has(each) and (last is None or certifies(again, at, last=last)):
            last = at if last is None else max(last, at)
    return last is not None and not certifies(again, moment(completion), last=last)
