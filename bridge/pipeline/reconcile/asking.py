"""Asking the LMS about single completions: a few at a time, whatever one of them spoils."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from bridge.pipeline.reconcile.work import Work, batches
from connectors.base import Capability, Completion, Connector, Malformed, Problem

#: The exact time of a completion is a call or two by itself.
AT_ONCE = 25


def ask(
    work: Work, connector: Connector[object], wanted: Mapping[str, Completion]
) -> Iterator[tuple[Mapping[str, Completion | Problem], datetime]]:
    """What the LMS says of each, by its key, and when it was asked; so many at a time.

    Raises Temporary or Permanent for what concerns the LMS, LeaseLost once the site is another's.
    """
    enriches = Capability.ENRICH in connector.capabilities()
    for batch in batches(wanted.items(), AT_ONCE):
        now = work.renew()
        found = [one for _, one in batch]
        outcomes = _enriched(connector, found) if enriches else found
        yield dict(zip((name for name, _ in batch), outcomes, strict=True)), now


def _enriched(
    connector: Connector[object], found: Sequence[Completion]
) -> Sequence[Completion | Problem]:
    try:
        return connector.enrich(found)
    except Malformed as exc:
        if len(found) == 1:
            remedy = "Look at what the LMS answers, or upgrade the connector."
            return [Problem(problem=f"Its answer cannot be read: {exc}.", remedy=remedy)]
        return [outcome for one in found for outcome in _enriched(connector, [one])]
