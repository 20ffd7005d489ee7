"""What hypothesis builds completions, expressions and documents of, likely and unlikely ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC
from decimal import Decimal
from functools import partial

from hypothesis import strategies as st

from connectors.base import Completion, Course, Grade, Learner, Zone
from mappings.doubts import NAME_KINDS
from mappings.expressions import CompileError, compile_condition, compile_text
from mappings.filters import FILTERS
from mappings.names import NAMES

anything = st.text(st.characters(codec=None), max_size=60)
words = st.none() | anything
numbers = st.none() | st.decimals() | st.integers().map(Decimal)
moments = st.datetimes(timezones=st.just(UTC) | st.timezones())
#: Those that have a day in every zone.
usual_moments = moments.filter(lambda moment: 1 < moment.year < 9999)
#: The bridge tells those that there are; an LMS whatever it likes.
zones = st.builds(
    Zone, name=st.timezone_keys(allow_prefix=False), source=st.sampled_from(["course", "site"])
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | anything,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(anything, inner, max_size=4),
    max_leaves=10,
)
completions = st.builds(
    Completion,
    course=st.builds(
        Course,
        id=anything,
        code=words,
        title=words,
        category=words,
        language=words,
        timezone=words | st.timezone_keys(),
    ),
    learner=st.builds(
        Learner,
        id=anything,
        full_name=words,
        given_name=words,
        family_name=words,
        preferred_name=words,
        legal_name=words,
        email=words | st.emails(),
        id_number=words,
        language=words,
        country=words,
        custom=st.dictionaries(st.sampled_from("abc"), anything),
    ),
    noticed_at=moments,
    completed_at=st.none() | moments,
    grade=st.none()
    | st.builds(Grade, percent=numbers, points=numbers, maximum=numbers, text=words),
    role=words,
    cohorts=st.lists(anything, max_size=3).map(tuple),
    enrolled=st.none() | st.integers(min_value=0),
    extra=st.dictionaries(st.sampled_from("abc"), values),
    zone=st.none() | zones,
)
#: Those with all that a certificate needs, mostly.
whole = st.builds(
    Completion,
    course=st.builds(Course, id=anything, title=anything.map("T{}".format)),
    learner=st.builds(
        Learner, id=anything, full_name=anything.map("N{}".format), email=st.emails()
    ),
    noticed_at=usual_moments,
    completed_at=usual_moments,
    cohorts=st.lists(anything, max_size=3).map(tuple),
    extra=st.fixed_dictionaries({"a": anything}),
    zone=st.none() | zones,
)

paths = st.sampled_from(
    [name.path.replace("<key>", key) for name in NAMES for key in ("a", "b.c", "a.first")]
    + ["course", "grade", "learner.custom", "extra", "cohorts.first", "nil", "empty", "blank"]
)
literals = st.sampled_from(["'x'", "'UTC'", "'en'", "1", "2.5", "-3", "true", "''", "'2026-05-17'"])
operands = paths | literals
filters = st.builds(
    lambda name, arguments: f"| {name}" + (": " + ", ".join(arguments) if arguments else ""),
    st.sampled_from(list(FILTERS)),
    st.lists(operands, max_size=2),
)
outputs = st.builds(
    lambda operand, used: f"{{{{ {operand} {' '.join(used)} }}}}",
    operands,
    st.lists(filters, max_size=3),
)
comparisons = st.builds(
    lambda left, sign, right: f"{left} {sign} {right}",
    operands,
    st.sampled_from(["==", "!=", "<", "<=", ">", ">=", "contains"]),
    operands,
)
conditions = st.recursive(
    operands | comparisons,
    lambda inner: (
        st.builds("({} and {})".format, inner, inner)
        | st.builds("({} or {})".format, inner, inner)
        | st.builds("not ({})".format, inner)
    ),
    max_leaves=5,
)
blocks = st.recursive(
    outputs
    | st.sampled_from(["text ", "{% break %}", "{% continue %}", "{{ x }}", "{{ x[1] }}", "{% if"]),
    lambda inner: (
        st.builds("{{% if {} %}}{}{{% else %}}{}{{% endif %}}".format, conditions, inner, inner)
        | st.builds("{{% for x in {} %}}{}{{% endfor %}}".format, operands | st.just("x"), inner)
        | st.builds("{{% assign x = {} %}}{}".format, operands, inner)
        | st.builds("{{% capture x %}}{}{{% endcapture %}}{}".format, inner, inner)
    ),
    max_leaves=8,
)
fragments = st.lists(
    st.sampled_from([*"0:-[]{}\"'|>&*!#%@`,?~\\", "<<", "---", "...", "null", "{{", "}}", "{%"])
    | st.sampled_from(["mapping: 1", "name", "issuer", "site", "match", "course", "when", "entry"])
    | st.sampled_from(["\n", "\n  ", "\t", " ", ": "])
    | anything,
    max_size=30,
).map(" ".join)


def sound(compiled: Callable[[str], object], source: str) -> str:
    """The expression; a text in quotes where it is none."""
    try:
        compiled(source)
    except CompileError:
        return "'x'"
    return source


texts = blocks.map(partial(sound, compile_text))
globs = st.sampled_from(["*", "?*", "none"]) | st.text("aB*?[]!\N{KELVIN SIGN}ß", min_size=1)
many_globs = globs | st.lists(globs, min_size=1, max_size=3)
days = st.builds("{} days".format, st.integers(1, 99_999))
periods = st.builds(
    "{} {}s".format, st.integers(1, 9_999), st.sampled_from(["day", "month", "year"])
)
parts = {
    "kind": st.sampled_from(["course", "programme"]),
    "priority": st.integers(-1000, 1000),
    "hold": st.fixed_dictionaries(
        {},
        optional={
            "names": st.lists(st.sampled_from([*NAME_KINDS, "none"]), min_size=1),
            "placeholders": many_globs,
            "addresses": many_globs,
            "older_than": days | st.just("none"),
            "roles": many_globs,
            "accounts": many_globs,
        },
    ),
    "certificate": st.just({"from": "lms"})
    | st.fixed_dictionaries(
        {
            "language": st.sampled_from(
                ["en", "pt_BR", "{{ learner.language | page_language: 'ar' }}"]
            )
            | outputs.map(partial(sound, compile_text))
        },
        optional={
            "from": st.sampled_from(["lms", "template"]),
            "parameters": st.dictionaries(
                st.sampled_from(["border", "second_title"]),
                st.booleans() | st.integers(0, 9) | outputs.map(partial(sound, compile_text)),
            ),
        },
    ),
    "again": st.sampled_from(["never", "always"]) | st.fixed_dictionaries({"after": days}),
    "valid_for": periods,
    "write_back": st.sampled_from(["auto", "none"]),
}
rules = st.fixed_dictionaries(
    {
        "mapping": st.just(1),
        "name": st.just("course-completion"),
        "issuer": st.just("main"),
        "site": st.sampled_from(["moodle-main", "*", ["canvas", "moodle-main"]]),
        "match": st.fixed_dictionaries(
            {"course": st.sampled_from(["*", "?*"]) | many_globs},
            optional={
                "category": many_globs,
                "cohort": many_globs,
                "when": conditions.map(partial(sound, compile_condition)),
            },
        ),
        "entry": st.fixed_dictionaries(
            {
                "certificate_title": st.just("T{{ course.title }}") | texts,
                "full_name": st.just("Noor {{ learner.full_name }}") | texts,
                "applicant_email": st.just("{{ learner.email | default: 'noor@x.example' }}")
                | texts,
            },
            optional={
                "issue_date": st.sampled_from(["0001-01-01", "2024-02-29", "9999-12-31"])
                | st.just("{{ completed_at | local_date: course.timezone }}")
                | texts,
                "details": texts,
            },
        ),
    },
    optional=parts,
)
#: As YAML takes them; right, mostly.
documents = rules.map(partial(json.dumps, ensure_ascii=False))
mistaken = st.builds(
    lambda right, key, value: json.dumps(right | {key: value}, ensure_ascii=False),
    rules,
    st.sampled_from(["mapping", "name", "issuer", "site", "match", "entry", *parts]),
    values,
)
