"""A template that ends for some learners and not for others."""

from __future__ import annotations

import pytest

from bridge.certificates.page import TooSlow
from bridge.pipeline.patience import MOST, Patience


def test_a_template_that_ends_now_and_then_is_tried_for_everybody() -> None:
    patience = Patience()
    for _ in range(MOST):
        for _ in range(MOST - 1):
            patience.check("own")
            patience.spent("own")
        patience.check("own")
        patience.printed("own")
    patience.check("own")


def test_one_that_did_not_end_for_some_in_a_row_is_left_alone_and_no_other() -> None:
    patience = Patience()
    for _ in range(MOST):
        patience.check("own")
        patience.spent("own")

    patience.check("classic")
    with pytest.raises(TooSlow, match="own did not end in time for 3 certificates in a row"):
        patience.check("own")
