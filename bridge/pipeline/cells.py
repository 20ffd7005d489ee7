"""What stands in gradebooks' cells, against what was written into them last; nothing is changed."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from connectors.base import Cell, Connector, GradebookRow


class Verdict(enum.Enum):
    """What a look at one write-back's cell comes to."""

    STANDS = "what was written last stands there"
    PERSONS = "a person graded there, or wrote"
    MISSING = "it does not stand there"
    UNTOLD = "the LMS does not tell"


def seen(
    connector: Connector[Any], rows: Sequence[sa.Row[Any]]
) -> Mapping[Verdict, list[sa.Row[Any]]]:
    """Look at the cells of write-backs; raises what connectors raise."""
    found: dict[Verdict, list[sa.Row[Any]]] = {verdict: [] for verdict in Verdict}
    if not rows:
        return found
    asked = [
        GradebookRow(
            course_id=row.course_id, learner_id=row.learner_id, certificates=(), known=known(row)
        )
        for row in rows
    ]
    cells = connector.read_back(asked)
    for row, one, cell in zip(rows, asked, cells, strict=True):
        found[_verdict(row, one, cell)].append(row)
    return found


def known(row: sa.Row[Any]) -> tuple[str, ...]:
    """The texts of ours that may stand in a write-back's cell."""
    return tuple(text for text in (row.text, row.shown) if text)


def _verdict(row: sa.Row[Any], asked: GradebookRow, cell: Cell | None) -> Verdict:
    if cell is None:
        return Verdict.UNTOLD
    if cell.taken_over or not asked.may_replace(cell.text):
        return Verdict.PERSONS
    return Verdict.STANDS if cell.text == row.text else Verdict.MISSING
