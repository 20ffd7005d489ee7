"""Texts from an LMS made fit for a certificate, and what makes an e-mail address none."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

# Direction marks and other characters that show nothing and change what a text means. The two
# joiners (U+200C, U+200D) are not among them: Persian and Hindi names are spelled with them.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e007f]"
)
_CONTROL = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_LINE_END = re.compile("\r\n|[\r\n\x0b\x0c\x85\u2028\u2029]")
_BLANK_LINES = re.compile(r"\n{3,}")

_ADDRESS = re.compile(r"[^@]+@[^@.]+(\.[^@.]+)+")
_NEVER_IN_ADDRESS = re.compile(r'[\s<>()\[\],;:\\"]')


def line(text: str) -> str:
    """One line: NFC, nothing invisible, trimmed, one space where any white space was."""
    seen = _CONTROL.sub("", _INVISIBLE.sub("", text))
    return unicodedata.normalize("NFC", " ".join(seen.split()))


def block(text: str) -> str:
    """Lines, each as ``line`` makes it; at most one empty line in a row, none at the ends."""
    lines = (line(each) for each in _LINE_END.split(text))
    return _BLANK_LINES.sub("\n\n", "\n".join(lines)).strip("\n")


def address(text: str) -> str:
    """An e-mail address as it came, NFC, without white space around it."""
    return unicodedata.normalize("NFC", text.strip())


def tidied(before: str, after: str) -> tuple[str, ...]:
    """What one of these has done to a text, in words."""
    unseen = dict.fromkeys(c for c in before if _is_unseen(c) and c not in after)
    kept = "".join(c for c in before if c not in unseen)
    composed = unicodedata.normalize("NFC", kept)
    said = {
        f"invisible characters taken out: {_code_points(unseen)}": bool(unseen),
        "letters and their accents joined (NFC)": composed != kept,
        "white space made single, none left at the ends": composed != after,
    }
    return tuple(what for what, done in said.items() if done)


def _is_unseen(character: str) -> bool:
    return bool(_INVISIBLE.match(character) or _CONTROL.match(character))


def _code_points(characters: Iterable[str]) -> str:
    return ", ".join(f"U+{ord(each):04X}" for each in characters)


def address_problem(text: str) -> str | None:
    """Why a text is no e-mail address that a vault could write to; None if it may be one.

    Nothing is mended inside an address: one character less, and it is someone else's.
    """
    for character in text:
        if _is_unseen(character):
            return f"has the invisible character {_code_points(character)} in it"
    if found := _NEVER_IN_ADDRESS.search(text):
        name = "a space" if found[0].isspace() else found[0]
        return f"has {name} in it"
    if not _ADDRESS.fullmatch(text):
        return "is no e-mail address"
    return None
