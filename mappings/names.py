"""Which names an expression may use: what a mapping can know of a completion."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from mappings.mistakes import nearest


class Kind(enum.Enum):
    """What a name stands for; the value is how an error text calls it."""

    TEXT = "a text"
    NUMBER = "a number"
    MOMENT = "a moment"
    LIST = "a list"
    FIELDS = "a group of names"
    OPEN = "whatever was sent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """One name; any of them but ``course.id`` and ``learner.id`` may be nil."""

    path: str
    kind: Kind
    meaning: str
    example: str


def _name(path: str, kind: Kind, meaning: str, example: str) -> Name:
    return Name(path=path, kind=kind, meaning=meaning, example=example)


#: ``<key>`` stands for a key that the LMS, or the sender, decides.
NAMES: tuple[Name, ...] = (
    _name("course.id", Kind.TEXT, "the LMS's own key of the course", "42"),
    _name("course.code", Kind.TEXT, "the course's short name or number", "BIO-101"),
    _name("course.title", Kind.TEXT, "the course's full name", "Introduction to Biology"),
    _name("course.category", Kind.TEXT, "the category it stands in", "Life sciences"),
    _name("course.language", Kind.TEXT, "the course's language", "ar"),
    _name("course.timezone", Kind.TEXT, "the course's own time zone", "Asia/Dubai"),
    _name("learner.id", Kind.TEXT, "the LMS's own key of the learner", "1207"),
    _name("learner.full_name", Kind.TEXT, "the name as the LMS shows it", "Amina Al Hashimi"),
    _name("learner.given_name", Kind.TEXT, "first name", "Amina"),
    _name("learner.family_name", Kind.TEXT, "last name", "Al Hashimi"),
    _name(
        "learner.preferred_name",
        Kind.TEXT,
        "the name the learner wants to be called by, where the LMS has one besides",
        "Mina Al Hashimi",
    ),
    _name(
        "learner.legal_name",
        Kind.TEXT,
        "the name in the learner's papers, where the LMS has one besides",
        "Amina Saeed Al Hashimi",
    ),
    _name("learner.email", Kind.TEXT, "e-mail address", "amina@example.edu"),
    _name("learner.id_number", Kind.TEXT, "the institution's number for this person", "S-20417"),
    _name("learner.language", Kind.TEXT, "the language the learner chose", "en"),
    _name("learner.country", Kind.TEXT, "country, two letters", "AE"),
    _name("learner.custom.<key>", Kind.TEXT, "a custom profile field of the LMS", "Cardiology"),
    _name("grade.percent", Kind.NUMBER, "the final grade, 0 to 100", "87.5"),
    _name("grade.points", Kind.NUMBER, "the final grade in points", "35"),
    _name("grade.maximum", Kind.NUMBER, "the most points there are", "40"),
    _name("grade.text", Kind.TEXT, "the grade as the LMS prints it", "B+"),
    _name("completed_at", Kind.MOMENT, "when the course was completed", "2026-05-17 21:30 UTC"),
    _name("noticed_at", Kind.MOMENT, "when the LMS told of it", "2026-05-17 21:31 UTC"),
    _name(
        "timezone",
        Kind.TEXT,
        "the time zone of the course, else of the site, else of the installation",
        "Asia/Dubai",
    ),
    _name("role", Kind.TEXT, "the learner's role in the course", "student"),
    _name("cohorts", Kind.LIST, "the groups the learner is in", "nurses-2026, night-shift"),
    _name("enrolled", Kind.NUMBER, "how many are enrolled in the course", "120"),
    _name("site", Kind.TEXT, "the site's name", "moodle-main"),
    _name("extra.<key>", Kind.OPEN, "whatever else the sender told", "12"),
)

KEY = "<key>"
_LIST_PARTS = ("size", "first", "last")

Tree = Mapping[str, "Kind | Tree"]


def _tree() -> Tree:
    tree: dict[str, Kind | Tree] = {}
    for name in NAMES:
        *groups, leaf = name.path.split(".")
        node = tree
        for group in groups:
            node = node.setdefault(group, {})  # type: ignore[assignment]
        node[leaf] = name.kind
    return MappingProxyType(tree)


TREE: Tree = _tree()

#: Every name and group, for "did you mean".
KNOWN: tuple[str, ...] = (*(name.path for name in NAMES), "course", "learner", "grade")


def kind_of(segments: Sequence[object]) -> Kind | None:
    """What a name stands for, given its parts; None if there is no such name."""
    node: Kind | Tree = TREE
    for segment in segments:
        node_or_none = _step(node, segment)
        if node_or_none is None:
            return None
        node = node_or_none
    return node if isinstance(node, Kind) else Kind.FIELDS


def _step(node: Kind | Tree, segment: object) -> Kind | Tree | None:
    if node is Kind.OPEN:
        return Kind.OPEN
    if node is Kind.LIST:
        return Kind.OPEN if isinstance(segment, int) or segment in _LIST_PARTS else None
    if isinstance(node, Kind):
        return None
    if KEY in node:
        return node[KEY]
    return node.get(segment) if isinstance(segment, str) else None


def unknown(segments: Sequence[object]) -> str:
    """The sentence for a name that there is not."""
    if not all(isinstance(segment, str) for segment in segments):
        return "only custom.… and extra.… take [ ]: write the name itself, e.g. learner.full_name"
    path = ".".join(map(str, segments))
    for end in range(len(segments) - 1, 0, -1):
        kind = kind_of(segments[:end])
        if kind is not None and kind is not Kind.FIELDS:
            head = ".".join(map(str, segments[:end]))
            return f"unknown name {path}: {head} is {kind.value}, without parts"
    meant = nearest(path, KNOWN)
    if meant:
        return f"unknown name {path}; did you mean {meant}?"
    return f"unknown name {path}; allowed: {', '.join(name.path for name in NAMES)}"
