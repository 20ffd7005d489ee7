"""How soon an expression that runs away is stopped, and how long one may take that is not.

Limits count steps, so that a busy machine never holds a certificate that a quiet one would issue;
here is what they come to in time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime

from benchmarks.rows import Row
from connectors.base import Completion, Course, Learner
from mappings.expressions import compile_text
from mappings.values import ExpressionError, Fields, values_of

#: The quickest of so many counts: whatever else the machine does is not the expression's.
ROUNDS = 7
MOST_MS = 50

#: A completion as large as one may be, and larger.
BUSY = Completion(
    course=Course(id="42", code="BIO-101", title="Introduction to Biology"),
    learner=Learner(id="1207", full_name="amina al hashimi " * 15),
    completed_at=datetime(2026, 5, 17, 21, 30, tzinfo=UTC),
    noticed_at=datetime(2026, 5, 17, 21, 31, tzinfo=UTC),
    cohorts=tuple(f"cohort-{number}" for number in range(1000)),
    extra={
        "long": "a" * 4000,
        "longer": "a" * 4001,
        "list": list(range(1000)),
        "longest": list(range(1001)),
        "many": {str(number): number for number in range(50_000)},
    },
)

_TOO_LONG = "takes too long: a loop or a filter works on too much"

#: Expressions that run away, and what is said of each.
RUNAWAYS: Mapping[str, str] = {
    "{% for a in cohorts %}{% for b in cohorts %}{{ a }}{% endfor %}{% endfor %}": _TOO_LONG,
    "{% for a in cohorts %}" + "{{ '' }}" * 10 + "{% endfor %}": _TOO_LONG,
    "{% for a in cohorts limit: 30 %}{% assign b = extra.list | size %}{% endfor %}": _TOO_LONG,
    "{% for a in extra.many reversed %}{% endfor %}": _TOO_LONG,
    "{% for a in cohorts limit: 90 %}"
    + "{{ '2026-01-01' | format_date: 'ar' }}" * 6
    + "{% endfor %}": _TOO_LONG,
    "{% for a in cohorts limit: 50 %}{{ learner.id | name_case }}{% endfor %}": _TOO_LONG,
    "{% for a in cohorts limit: 200 %}{% assign b = extra.long | upcase %}{% endfor %}": _TOO_LONG,
    "{% assign a = 'aaaaaaaaaaaaaaaa' %}" + "{% assign a = a | append: a %}" * 50: (
        "a text is 4096 characters long; at most 4000"
    ),
    "{% assign a = 'aaaaaaaaaaaaaaaa' %}" + "{% assign a = a | replace: 'a', a %}" * 50: (
        "a text is 65536 characters long; at most 4000"
    ),
    "{{ extra.long }}" * 3: "grows too large: output stream limit reached",
    "".join(f"{{% assign a{n} = extra.long | append: '' %}}" for n in range(40)): (
        "grows too large: local namespace limit reached"
    ),
    "{{ extra.longer }}": "extra.longer is 4001 characters long; at most 4000",
    "{{ extra.longest | size }}": "extra.longest has 1001 members; at most 1000 are read",
    "{{ extra.long | split: '' | size }}": "split gives 4000 parts; at most 1000",
}

#: Expressions that come as near to the limits as they may.
DEAREST: Sequence[str] = (
    "{% for a in cohorts limit: 30 %}{{ learner.full_name | name_case }}{% endfor %}",
    "{% for a in cohorts limit: 150 %}{{ '2026-05-17' | format_date: 'ar' }}{% endfor %}",
    "{% for a in cohorts limit: 700 %}{{ a }}{% endfor %}",
    "{% for a in cohorts limit: 150 %}{% assign b = extra.long | size %}{% endfor %}{{ b }}",
)


def run() -> Iterator[Row]:
    """The slowest of those that are stopped, and of those that are not."""
    yield _slowest(f"an expression that runs away is stopped, slowest of {len(RUNAWAYS)}", RUNAWAYS)
    yield _slowest(f"the dearest that is not stopped, of {len(DEAREST)}", DEAREST)


def _slowest(name: str, sources: Iterable[str]) -> Row:
    values = values_of(BUSY, site="moodle-main")
    slowest = max(_quickest(compile_text(source).evaluate, values) for source in sources)
    return Row(name=name, figure=slowest * 1000, unit="ms", at_most=MOST_MS)


def _quickest(evaluate: Callable[[Fields], str], values: Fields) -> float:
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        with suppress(ExpressionError):
            evaluate(values)
        times.append(time.perf_counter() - began)
    return min(times)
