"""A vault that is not well: some calls are refused, lost, late or doubled, by the dice."""

from __future__ import annotations

import random
import threading

from werkzeug.wrappers import Response

from tests.scripted_vault.behaviours import Behaviour, Taken, answers, cut, lost_reply, normal
from tests.scripted_vault.kept import Kept

#: Behaviours of calls that change something, and how often of a thousand each is met.
ACTS: tuple[tuple[int, Behaviour], ...] = (
    (10, answers(429, headers={"Retry-After": "1"})),
    (5, answers(500, {"message": "Server Error", "error_code": "SERVER_ERROR"})),
    (5, answers(502, "<html>Bad Gateway</html>")),
    (10, cut),
    (15, lost_reply),
    (5, answers(500, {"message": "Server Error"}, does_it=True)),
    (5, answers(201, "<html>Created</html>", does_it=True)),
)
#: Of calls that only ask.
QUESTIONS: tuple[tuple[int, Behaviour], ...] = (
    (10, answers(429, headers={"Retry-After": "1"})),
    (5, answers(503, "<html>Service Unavailable</html>")),
    (10, cut),
)
LATE_OF_1000 = 10
#: A call is worked on so much later, at most, than its sender was cut off. In seconds.
LATEST = 0.8
DROPPED_OF_1000 = 20
FAILED_OF_1000 = 20


class Moods:
    """The dice of one vault; the same seed throws the same."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)  # noqa: S311  # not for secrets
        self._lock = threading.Lock()

    def __call__(self, taken: Taken) -> Behaviour:
        """What becomes of this call."""
        asks = taken.call in ("list", "view", "download")
        thrown = self._throw()
        if not asks and thrown < LATE_OF_1000:
            return self._late
        thrown -= 0 if asks else LATE_OF_1000
        for often, behaviour in QUESTIONS if asks else ACTS:
            if thrown < often:
                return behaviour
            thrown -= often
        return normal

    def drops(self, _kept: Kept) -> bool:
        """Whether this entry of a bulk upload is lost."""
        return self._throw() < DROPPED_OF_1000

    def outcome(self, _kept: Kept) -> str:
        """How processing this one ends."""
        return "failed" if self._throw() < FAILED_OF_1000 else "generated"

    def _late(self, taken: Taken) -> Response:
        taken.vault.do_later(taken)
        threading.Timer(LATEST * self._throw() / 1000, taken.vault.catch_up).start()
        return cut(taken)

    def _throw(self) -> int:
        with self._lock:
            return self._dice.randrange(1000)
