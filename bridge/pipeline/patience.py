"""How often a template may be too slow before the rest of its batch waits for it no longer."""

from __future__ import annotations

from collections import Counter

from bridge.certificates.page import TooSlow

#: Pages in a row. One that ends for most learners is tried for each of them.
MOST = 3


class Patience:
    """With the templates of one batch.

    Threads may share it: where two count at once, a page more or less is tried.
    """

    def __init__(self) -> None:
        self._slow: Counter[str] = Counter()

    def check(self, template: str) -> None:
        """Raise TooSlow where the template was so for the last few of the batch."""
        if self._slow[template] >= MOST:
            raise TooSlow(
                f"The template {template} did not end in time for {MOST} certificates in a row, "
                "and was not tried for this one."
            )

    def printed(self, template: str) -> None:
        """The template ended for a page."""
        self._slow[template] = 0

    def spent(self, template: str) -> None:
        """The template was too slow for a page."""
        self._slow[template] += 1
