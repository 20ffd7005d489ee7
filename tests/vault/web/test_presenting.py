"""The page numbers that get a link, as Laravel's paginator shows them."""

from __future__ import annotations

import pytest

from vault.web.presenting import page


@pytest.mark.parametrize(
    ("number", "last", "shown"),
    [
        (1, 13, "1 2 3 4 5 6 7 8 9 10 11 12 13"),
        (1, 14, "1 2 3 4 5 6 7 8 9 10 ... 13 14"),
        (7, 20, "1 2 3 4 5 6 7 8 9 10 ... 19 20"),
        (8, 20, "1 2 ... 5 6 7 8 9 10 11 ... 19 20"),
        (13, 20, "1 2 ... 10 11 12 13 14 15 16 ... 19 20"),
        (14, 20, "1 2 ... 11 12 13 14 15 16 17 18 19 20"),
        (20, 20, "1 2 ... 11 12 13 14 15 16 17 18 19 20"),
    ],
)
def test_a_window_of_pages_is_linked(number: int, last: int, shown: str) -> None:
    made = page([], number=number, size=1, total=last, path="/p", query=[])
    links = made["meta"]["links"][1:-1]

    assert shown.split() == [link["label"] for link in links]
    assert [str(number)] == [link["label"] for link in links if link["active"]]
    assert ["..."] * shown.count("...") == [link["label"] for link in links if link["url"] is None]
