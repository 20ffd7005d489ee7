"""What ``/metrics`` tells, computed from rows: names, labels, meanings, and where each comes from.

Labels are names of sites and issuers, states and the first words of causes: few, and never a
person's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import version
from threading import Lock
from types import MappingProxyType
from typing import Any, TypeAlias

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from bridge import queue
from bridge.pipeline.attention import Matter, matters
from bridge.processes import LIVING
from bridge.store import accounts, last_signs, measures, steps
from bridge.store.measures import Growing
from bridge.store.tables import process
from bridge.wiring import Bridge
from runtime import heartbeat

PREFIX = "vaultbridge_"
#: So long one look at the database answers everybody who asks.
KEPT_S = 5.0
#: Over that time is told how long certificates take.
LATELY = timedelta(hours=1)
QUANTILES = (0.5, 0.9, 0.99)
#: The outcome of a call that nobody saw the end of.
NO_ANSWER = "none"

Samples: TypeAlias = Iterable[tuple[Sequence[str], float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The rows as they are at one moment, counted."""

    now: datetime
    received: Mapping[str, int]
    refused: Mapping[tuple[str, str], int]
    unwanted: Mapping[str, int]
    attempts: Mapping[tuple[Any, ...], int]
    certificates: Mapping[str, int]
    taken: Sequence[float]
    written: Mapping[str, int]
    unfinished: Sequence[steps.Standing]
    waiting: Mapping[str, queue.Waiting]
    matters: Sequence[Matter]
    differences: Mapping[tuple[str, str], int]
    sites: Sequence[Any]
    issuers: Sequence[Any]
    signs: Mapping[str, heartbeat.Sign]


@dataclass(frozen=True, slots=True)
class Measure:
    """One metric: a counter if its name ends with ``_total``."""

    labels: tuple[str, ...]
    means: str
    of: Callable[[Look], Samples]


def _ages(look: Look, moments: Iterable[tuple[Sequence[str], datetime | None]]) -> Samples:
    for labels, moment in moments:
        if moment is not None:
            yield labels, max(0.0, (look.now - moment).total_seconds())


def _one(counted: Mapping[str, int]) -> Samples:
    return [((name,), number) for name, number in counted.items()]


def _needs(look: Look) -> Samples:
    counted: dict[tuple[str, str], int] = {}
    for one in look.matters:
        if one.waits_for_a_person:
            # What follows may be a course's id, or a field's name.
            step, _, rest = one.cause.partition(".")
            key = (step, rest.partition(".")[0])
            counted[key] = counted.get(key, 0) + one.size
    return [((step, cause), number) for (step, cause), number in counted.items()]


def _quantiles(look: Look) -> Samples:
    if not look.taken:
        return
    last = len(look.taken) - 1
    for share in QUANTILES:
        yield (str(share),), look.taken[round(share * last)]


def _calls(look: Look) -> Samples:
    counted = look.attempts.items()
    return [((operation, outcome or NO_ANSWER), n) for (operation, outcome), n in counted]


def _last_deliveries(look: Look) -> Samples:
    return _ages(look, [((row.name,), row.last_delivery) for row in look.sites])


def _left_alone(look: Look, rows: Sequence[Any]) -> Samples:
    for row in rows:
        until = row.left_alone_until
        yield (row.name,), float(until is not None and until > look.now)


def _alive(look: Look) -> Samples:
    for name in LIVING:
        sign = look.signs.get(name)
        yield (name,), float(sign is not None and sign.is_alive)


#: Every metric by its name, without the prefix.
MEASURES: Mapping[str, Measure] = MappingProxyType(
    {
        "build_info": Measure(
            ("version",),
            "1, with the program's version.",
            lambda _: [((version("vaultbridge"),), 1.0)],
        ),
        "deliveries_received_total": Measure(
            ("site",), "Deliveries that were taken.", lambda look: _one(look.received)
        ),
        "deliveries_refused_total": Measure(
            ("site", "reason"),
            "Deliveries that were turned away.",
            lambda look: look.refused.items(),
        ),
        "deliveries_unwanted_total": Measure(
            ("site",),
            "Deliveries taken that told an event nobody wants.",
            lambda look: _one(look.unwanted),
        ),
        "last_delivery_age_seconds": Measure(
            ("site",), "Since the site was last heard of.", _last_deliveries
        ),
        "attempts_total": Measure(
            ("operation", "outcome"), "Calls to vaults, by how they ended.", _calls
        ),
        "certificates_total": Measure(
            ("issuer",), "Certificates made.", lambda look: _one(look.certificates)
        ),
        "certificate_latency_seconds": Measure(
            ("quantile",),
            "From delivery to certificate, of those made within the last hour.",
            _quantiles,
        ),
        "certificates_timed": Measure(
            (), "How many that is told of.", lambda look: [((), float(len(look.taken)))]
        ),
        "gradebook_rows_written": Measure(
            ("site",), "Gradebook rows that were written.", lambda look: _one(look.written)
        ),
        "unfinished": Measure(
            ("step", "state"),
            "Rows that are not at their end.",
            lambda look: [((one.step, one.state), one.count) for one in look.unfinished],
        ),
        "unfinished_oldest_age_seconds": Measure(
            ("step", "state"),
            "Since the oldest of these came.",
            lambda look: _ages(look, [((o.step, o.state), o.since) for o in look.unfinished]),
        ),
        "queue_waiting": Measure(
            ("bell",),
            "Rows that a worker could work on now.",
            lambda look: [((bell,), one.count) for bell, one in look.waiting.items()],
        ),
        "queue_oldest_age_seconds": Measure(
            ("bell",),
            "Since the oldest of these could have been worked on; 0 if there is none.",
            lambda look: _ages(
                look, [((b,), w.since or look.now) for b, w in look.waiting.items()]
            ),
        ),
        "needs_a_person": Measure(("step", "cause"), "What waits for a person.", _needs),
        "differences_open": Measure(
            ("site", "cause"),
            "Differences that reconciliation found and nobody mended.",
            lambda look: look.differences.items(),
        ),
        "site_left_alone": Measure(
            ("site",),
            "1 while the LMS does not do what it is asked.",
            lambda look: _left_alone(look, look.sites),
        ),
        "issuer_left_alone": Measure(
            ("issuer",),
            "1 while the vault does not answer.",
            lambda look: _left_alone(look, look.issuers),
        ),
        "issuer_paused": Measure(
            ("issuer",),
            "1 while the vault refuses the token.",
            lambda look: [((row.name,), row.paused_at is not None) for row in look.issuers],
        ),
        "process_alive": Measure(
            ("process",), "1 while the worker or the clock gives signs of life.", _alive
        ),
        "heartbeat_age_seconds": Measure(
            ("process",),
            "Since its last sign; missing where it left none within a week.",
            lambda look: _ages(
                look,
                [((name,), look.signs[name].seen_at) for name in LIVING if name in look.signs],
            ),
        ),
    }
)


class Measured(Collector):
    """Looks at the database when it is asked; one look answers whoever asks soon after."""

    def __init__(self, bridge: Bridge, *, kept: float = KEPT_S) -> None:
        self._bridge = bridge
        self._kept = kept
        self._received: Growing = measures.deliveries()
        self._attempts: Growing = measures.attempts()
        self._lock = Lock()
        self._found: tuple[float, Look] | None = None

    def describe(self) -> Iterable[Metric]:
        """Nothing is looked at to register it."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Every metric. Raises sqlalchemy.exc.SQLAlchemyError while the database is down."""
        look = self._look()
        for name, measure in MEASURES.items():
            yield _family(name, measure, look)

    def _look(self) -> Look:
        with self._lock:
            moment = time.monotonic()
            if self._found is None or moment - self._found[0] >= self._kept:
                self._found = moment, self._now()
            return self._found[1]

    def _now(self) -> Look:
        bridge = self._bridge
        with bridge.database.read() as conn:
            now = bridge.database.now(conn)
            names = {row.id: row.name for row in accounts.sites(conn)}
            unwanted = measures.unwanted(conn)
            kept = {site: n for (site,), n in self._received.count(conn, now=now).items()}
            signs = heartbeat.signs(conn, process, now=now)
            return Look(
                now=now,
                received={
                    name: kept.get(id, 0) + unwanted.get(id, 0) for id, name in names.items()
                },
                refused=measures.refused(conn),
                unwanted={name: unwanted.get(id, 0) for id, name in names.items()},
                attempts=self._attempts.count(conn, now=now),
                certificates=measures.certificates(conn),
                taken=measures.seconds_taken(conn, since=now - LATELY),
                written=measures.written(conn),
                unfinished=steps.unfinished(conn),
                waiting=queue.waiting(conn, now=now),
                matters=matters(conn, in_their_words=False),
                differences=measures.open_differences(conn),
                sites=last_signs.sites(conn),
                issuers=last_signs.issuers(conn),
                # The last seen of each name.
                signs={sign.name: sign for sign in reversed(signs)},
            )


def _family(name: str, measure: Measure, look: Look) -> Metric:
    kind = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
    family = kind(PREFIX + name, measure.means, labels=measure.labels)
    for labels, value in measure.of(look):
        family.add_metric(list(labels), float(value))
    return family
