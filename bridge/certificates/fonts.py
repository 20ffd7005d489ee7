"""Which fonts there are, which characters they have, and what to install for those they lack.

Typst prints a character that no font has as a box, without a word; so a text is checked against
the character maps of exactly those fonts that the printing process says it has, and a page names
exactly the families that its characters need.
"""

from __future__ import annotations

import hashlib
import unicodedata
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import pymupdf_fonts
from fontTools import unicodedata as scripts
from fontTools.ttLib import TTFont

from bridge.certificates.unpack import unpacked

#: Our own, from the package pymupdf-fonts: Latin, Greek, Cyrillic, Arabic, Hebrew, Devanagari,
#: Thai, Georgian.
OURS = "FiraGO"
_OURS = {"FiraGO-Regular.ttf": "figo", "FiraGO-Bold.ttf": "figbo"}

#: The weights that templates may print data in; always upright.
_WEIGHTS = (400, 700)

#: Families made to hide what is missing.
_BLANK = frozenset({"Adobe Blank", "Adobe NotDef", "Last Resort", "LastResort"})

#: Earlier is preferred. Han characters look different by country: the simplified forms are taken
#: unless the page's language says otherwise.
_PREFERRED = (OURS, "Noto Sans", "Noto Sans CJK SC", "Noto Color Emoji")
_HAN_BY_LANGUAGE = {"ja": "Noto Sans CJK JP", "ko": "Noto Sans CJK KR"}
_NEXT = ("Noto Sans ", "Noto Serif ", "DejaVu Sans")
_LAST = ("Mono", "Math", "Condensed", "Symbols")

_HAN = "fonts-noto-cjk"
#: Scripts that Noto of Debian 12 has no font of; Unifont shows them in pixels.
_PIXELS = ("Vith", "Ougr", "Chrs", "Diak", "Nand", "Maka", "Cpmn", "Tnsa", "Kits", "Toto")
_PACKAGES: Mapping[str, str] = dict.fromkeys(
    ("Hani", "Hira", "Kana", "Hang", "Bopo", "Jpan", "Kore"), _HAN
) | dict.fromkeys(_PIXELS, "fonts-unifont")
_MOST = "fonts-noto-core"
_EMOJI = "fonts-noto-color-emoji"
_RARE_HAN = "fonts-hanazono"
#: As many characters as an error names.
_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """One character that no font here can print."""

    char: str
    code_point: str  #: "U+5F20"
    name: str  #: Unicode's, "CJK UNIFIED IDEOGRAPH-5F20"; "" where it has none
    script: str  #: "Han", "Bengali", "Common"
    remedy: str  #: what a person does about it, with the Debian package that has it
    where: str = ""  #: which text of the page, in an admin's words

    @property
    def short(self) -> str:
        """Which character, and where: "'张' (U+5F20, Han) in the full name"."""
        place = f" in the {self.where}" if self.where else ""
        return f"{self.char!r} ({self.code_point}, {self.script}){place}"

    def __str__(self) -> str:
        place = f" in the {self.where}" if self.where else ""
        name = f" {self.name}" if self.name else ""
        return f"{self.code_point}{name} ({self.script}){place}: {self.remedy}"


class FontBook:
    """The fonts that a page may be printed with: ``own`` are its template's, and go first."""

    def __init__(
        self, faces: Iterable[Mapping[str, Any]], *, own: Sequence[Mapping[str, Any]] = ()
    ) -> None:
        families: dict[str, list[Mapping[str, Any]]] = {}
        for face in (*own, *faces):
            if face["family"] not in _BLANK:
                families.setdefault(face["family"], []).append(face)
        self._faces = {family: _chosen(faces) for family, faces in families.items()}
        self._own = frozenset(face["family"] for face in own)
        self._printer = lru_cache(maxsize=100_000)(self._find)
        self._order = lru_cache(maxsize=100)(self._sorted)
        self._digest = cache(_digest)

    def families(self, *texts: str, language: str = "en") -> tuple[str, ...]:
        """The families that the texts need, preferred first; our own always among them."""
        clusters = set().union(*map(_distinct, texts))
        needed = {self._printer(cluster, language) for cluster in clusters} | {OURS}
        return tuple(family for family in self._order(language) if family in needed)

    def files(self, families: Iterable[str]) -> dict[str, str]:
        """The SHA-256 of each file that these families are in, by the file's name."""
        paths = {face["path"] for family in families for face in self._faces[family]}
        return {Path(path).name: self._digest(path) for path in sorted(paths)}

    def missing(self, text: str) -> tuple[Missing, ...]:
        """Every character of the text that cannot be printed, once, in the text's order."""
        lacking = [
            char
            for cluster in _distinct(text)
            if self._printer(cluster, "en") is None
            for char in self._lacking(cluster)
        ]
        return tuple(missing(char) for char in dict.fromkeys(lacking))

    def _find(self, cluster: str, language: str) -> str | None:
        """The preferred family that prints a cluster; None if no family does."""
        # Shaping composes and decomposes by what the font has (HarfBuzz, "normalization").
        forms = {cluster, *(unicodedata.normalize(form, cluster) for form in ("NFC", "NFD"))}
        for family in self._order(language):
            if any(self._has(family, form) for form in forms):
                return family
        return None

    def _lacking(self, cluster: str) -> str:
        """Those characters of an unprintable cluster that its best family has not."""
        left = ("".join(c for c in cluster if not self._has(f, c)) for f in self._faces)
        return min((each for each in left if each), key=len, default=cluster)

    def _sorted(self, language: str) -> list[str]:
        return sorted(
            self._faces, key=lambda family: (family not in self._own, _rank(family, language))
        )

    def _has(self, family: str, text: str) -> bool:
        # Reading what a font has takes long: the bold one is read where the regular one will do.
        coverages = (_coverage(face["path"], face["index"]) for face in self._faces[family])
        return all(ord(char) in coverage for coverage in coverages for char in text)


def unpack(cache: Path) -> Path:
    """Put our fonts, as files, into a folder below ``cache`` and return it.

    Safe to repeat, and while other processes do the same.
    """
    return unpacked(
        cache / "fonts", {file: pymupdf_fonts.fontbuffers[key]() for file, key in _OURS.items()}
    )


def missing(char: str) -> Missing:
    """What is said of a character that cannot be printed."""
    return Missing(
        char=char,
        code_point=f"U+{ord(char):04X}",
        name=unicodedata.name(char, ""),
        script=scripts.script_name(scripts.script(char), default="Unknown").replace("_", " "),
        remedy=_remedy(char),
    )


def listed(several: Sequence[Missing]) -> str:
    """The first few, in short: a name in a script without a font lacks all its characters."""
    shown = ", ".join(each.short for each in several[:_SHOWN])
    more = len(several) - _SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


def package(char: str) -> str | None:
    """The Debian package whose fonts have a character; None for what is no printable one."""
    point = ord(char)
    if unicodedata.category(char).startswith("C"):
        return None
    if point in _EMOJI_BLOCKS:
        return _EMOJI
    if point in _RARE_HAN_PLANES:
        return _RARE_HAN
    return _PACKAGES.get(scripts.script(char), _MOST)


def _rank(family: str, language: str) -> tuple[int, int, str]:
    """Sort key: our own, those named, then kinds of families; the alphabet decides the rest."""
    if family == _HAN_BY_LANGUAGE.get(language):
        return (0, 0, f"{OURS}, then {family}")
    if family in _PREFERRED:
        return (0, _PREFERRED.index(family), family)
    kind = next((i for i, start in enumerate(_NEXT) if family.startswith(start)), len(_NEXT))
    return (2 if any(word in family for word in _LAST) else 1, kind, family)


def _chosen(faces: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The faces Typst may choose for upright text of our weights: all of the nearest ones."""
    chosen = []
    for weight in _WEIGHTS:
        far = [_distance(face, weight) for face in faces]
        chosen += [face for face, d in zip(faces, far, strict=True) if d == min(far)]
    return chosen


def _distance(face: Mapping[str, Any], weight: int) -> tuple[bool, float, int]:
    return (
        face["style"] != "normal",
        abs(face["stretch"] - 1.0),
        abs(face["weight"] - weight),
    )


class _Coverage:
    """A set of code points as sorted ranges: a CJK font has 65,000 of them, in few ranges."""

    def __init__(self, code_points: Iterable[int]) -> None:
        self._starts = array("L")
        self._ends = array("L")
        for point in sorted(code_points):
            if self._ends and self._ends[-1] + 1 == point:
                self._ends[-1] = point
            else:
                self._starts.append(point)
                self._ends.append(point)

    def __contains__(self, point: int) -> bool:
        at = bisect_right(self._starts, point) - 1
        return at >= 0 and point <= self._ends[at]


def _digest(path: str) -> str:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@cache
def _coverage(path: str, index: int) -> _Coverage:
    with TTFont(path, fontNumber=index, lazy=True) as font:
        coverage = _Coverage(font.getBestCmap() or {})
    vars(font).clear()  # it refers to itself: 30 MB a CJK face, until the collector comes
    return coverage


def _clusters(text: str) -> Iterator[str]:
    """The text in pieces that one font must print alone: a character with its marks."""
    cluster = ""
    for char in text:
        if _needs_no_glyph(char):
            continue
        if cluster and unicodedata.category(char).startswith("M"):
            cluster += char
            continue
        if cluster:
            yield cluster
        cluster = char
    if cluster:
        yield cluster


@lru_cache(maxsize=1_000)  # a template's fixed texts are the same from page to page
def _distinct(text: str) -> tuple[str, ...]:
    """The pieces of a text, each once, in the text's order."""
    return tuple(dict.fromkeys(_clusters(text)))


@lru_cache(maxsize=10_000)
def _needs_no_glyph(char: str) -> bool:
    """Spaces, line ends, and what Unicode calls default-ignorable (shaping leaves it out)."""
    if char in "\n\r\t" or unicodedata.category(char) in {"Zs", "Zl", "Zp"}:
        return True
    point = ord(char)
    return any(first <= point <= last for first, last in _IGNORABLE)


#: Default_Ignorable_Code_Point, DerivedCoreProperties.txt, Unicode 15.
_IGNORABLE = (
    (0x00AD, 0x00AD),
    (0x034F, 0x034F),
    (0x061C, 0x061C),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x200B, 0x200F),
    (0x202A, 0x202E),
    (0x2060, 0x206F),
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFF8),
    (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A),
    (0xE0000, 0xE0FFF),
)

#: Pictographs, emoticons, transport, flags' letters, skin tones: blocks of the SMP.
_EMOJI_BLOCKS = range(0x1F000, 0x1FC00)
#: Ideographic planes: extensions B and later.
_RARE_HAN_PLANES = range(0x20000, 0x34000)


def _remedy(char: str) -> str:
    having = package(char)
    if having is None:
        return "It is no printable character: correct the text where it was entered."
    return (
        f"Install a font that has it (Debian: apt-get install {having}), restart the "
        "workers, then replay."
    )
