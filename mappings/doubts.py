"""Names and addresses that an LMS may hold and that nobody wants on a certificate."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping

from mappings import texts
from mappings.globs import matches
from mappings.people import is_east_asian

#: What a list is set to that shall hold nothing.
NONE = "none"

#: Globs on a whole name.
PLACEHOLDERS = (
    "test",
    "tester",
    "test test*",
    "test user*",
    "user test",
    "test student*",
    "test learner*",
    "test account*",
    "demo user*",
    "demo student*",
    "user",
    "student",
    "learner",
    "guest",
    "guest user*",
    "admin",
    "admin user*",
    "administrator",
    "unknown",
    "unknown user*",
    "anonymous*",
    "deleted user*",
    "john doe",
    "jane doe",
    "firstname*",
    "first name*",
    "your name",
    "none",
    "n/a",
    "null*",
    "undefined*",
)

#: Globs on an address that nobody reads.
DEAD_ADDRESSES = (
    "noreply@*",
    "no-reply@*",
    "no_reply@*",
    "donotreply@*",
    "do-not-reply@*",
    "nobody@*",
    "none@*",
    "null@*",
    "unknown@*",
    "*@localhost*",
    "*.localhost",
    "*.invalid",
)

# Moodle puts md5(username) in place of the address of an account that is deleted
# (core\user: delete_user).
_DIGEST = re.compile("[0-9a-f]{32}")
_AROUND = "<>()[]\"'.,;:"


def _is_email(name: str) -> bool:
    return any(
        "@" in word and texts.address_problem(word.strip(_AROUND)) is None for word in name.split()
    )


def _is_lower_case(name: str) -> bool:
    # Georgian letters count as small and have no large ones that a name would begin with.
    return name.islower() and name != name.title()


def _is_single_letter(name: str) -> bool:
    return not any(map(_is_word, name.split()))


def _is_word(part: str) -> bool:
    letters = [each for each in part if unicodedata.category(each)[0] in "LM"]
    return len(letters) > 1 or (len(letters) == 1 and is_east_asian(letters[0]))


#: By its name in a document: what a name is that is held for it, and how that is seen.
NAME_KINDS: Mapping[str, tuple[str, Callable[[str], bool]]] = {
    "email": ("is an e-mail address", _is_email),
    "lower-case": ("is all in small letters", _is_lower_case),
    "single-letter": ("has no word of more than one letter", _is_single_letter),
}


def name_doubt(name: str, *, kinds: Iterable[str], placeholders: Iterable[str]) -> str | None:
    """Why a name is hardly one; None if it may be one."""
    for kind in kinds:
        if kind != NONE and NAME_KINDS[kind][1](name):
            return NAME_KINDS[kind][0]
    return "is a placeholder" if any(matches(glob, name) for glob in placeholders) else None


def address_doubt(address: str, *, dead: Iterable[str]) -> str | None:
    """Why nobody reads an address; None if somebody may."""
    if any(matches(glob, address) for glob in dead):
        return "is an address that nobody reads"
    return None


def is_digest(address: str) -> bool:
    """Whether it is what an LMS leaves where the address of a deleted account was."""
    return _DIGEST.fullmatch(address) is not None
