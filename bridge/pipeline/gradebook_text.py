"""What a learner's gradebook row says: status word, reference id, link; newest first."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa

from bridge.pipeline.standing import WORDS, Standing, spoken, standing
from bridge.texts import FALLBACK, closest, direction, translate
from connectors.base import Certificate, GradebookRow


def compose(
    issuances: Sequence[sa.Row[Any]],
    *,
    links: Mapping[str, str],
    course_id: str,
    learner_id: str,
    revision: int,
    known: tuple[str, ...] = (),
) -> GradebookRow:
    """Return the row for one learner in one course, in the learner's language.

    ``issuances`` newest first, as `bridge.store.write_backs.certificates` gives them; ``links`` are
    the learner page's addresses by issuance id. A certificate without one is told without a link.
    """
    language = closest(spoken(issuances[0])) if issuances else FALLBACK
    # What was replaced comes last, also where its date is later than that of the right one.
    ordered = sorted(issuances, key=lambda row: standing(row, issuances) is Standing.REPLACED)
    return GradebookRow(
        course_id=course_id,
        learner_id=learner_id,
        certificates=tuple(
            _certificate(row, issuances, language=language, link=links.get(row.id))
            for row in ordered
        ),
        language=language,
        direction=direction(language),
        revision=revision,
        known=known,
    )


def digest(row: GradebookRow) -> str:
    """SHA-256 of what a row means: equal for rows that differ in how they are written alone."""
    meaning = {k: v for k, v in asdict(row).items() if k not in ("revision", "known")}
    packed = json.dumps(meaning, sort_keys=True, default=str)
    return hashlib.sha256(packed.encode()).hexdigest()


def _certificate(
    row: sa.Row[Any], issuances: Sequence[sa.Row[Any]], *, language: str, link: str | None
) -> Certificate:
    where = standing(row, issuances)
    return Certificate(
        status=translate(language, WORDS[where]),
        reference_id=row.reference_id,
        link=link,
        link_text=translate(language, "Open your certificate"),
        title=row.certificate_title or "",
        issue_date=row.issue_date,
        void=where not in (Standing.ISSUED, Standing.EARLIER),
    )
