"""Which characters can be printed, told before printing."""

from __future__ import annotations

import os
import shutil
import subprocess
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from fontTools import unicodedata as scripts
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont

from bridge.certificates.fonts import FontBook, Missing, package, unpack
from bridge.certificates.render import Renderer, Unprintable
from tests.bridge.certificates import reading
from tests.bridge.certificates.pages import a_page


def _face(family: str, path: Path, **changes: object) -> dict[str, object]:
    usual = {"style": "normal", "weight": 400, "stretch": 1.0, "index": 0}
    return usual | {"family": family, "path": str(path)} | changes


def _font(path: Path, chars: str) -> Path:
    """Write a font that has these characters, each a block, and no others."""
    glyphs = {".notdef", *(f"u{ord(char):X}" for char in chars)}
    pen = TTGlyphPen(None)
    pen.moveTo((50, 0))
    for corner in ((50, 600), (450, 600), (450, 0)):
        pen.lineTo(corner)
    pen.closePath()
    builder = FontBuilder(1000)
    builder.setupGlyphOrder(sorted(glyphs))
    builder.setupCharacterMap({ord(char): f"u{ord(char):X}" for char in chars})
    builder.setupGlyf(dict.fromkeys(glyphs, pen.glyph()))
    builder.setupHorizontalMetrics(dict.fromkeys(glyphs, (500, 50)))
    builder.setupHorizontalHeader()
    builder.setupNameTable({"familyName": path.stem, "psName": path.stem})
    builder.setupOS2()
    builder.setupPost()
    builder.save(path)
    return path


@pytest.fixture(scope="module")
def ours(font_cache: Path) -> list[dict[str, object]]:
    folder = unpack(font_cache)
    return [
        _face("FiraGO", folder / "FiraGO-Regular.ttf"),
        _face("FiraGO", folder / "FiraGO-Bold.ttf", weight=700),
    ]


@pytest.fixture(scope="module")
def book(ours: list[dict[str, object]]) -> FontBook:
    """Our own fonts alone, whatever this machine has."""
    return FontBook(ours)


@pytest.mark.parametrize(
    "text",
    [
        "محمد علي",
        "अर्जुन कृष्णमूर्ति",
        "สมชาย ใจดี",
        "משה כהן",
        "Ελένη",
        "ნინო",
        "Наталія",
        "Nguyễn Thị Minh Khai",
        "Nguye\u0302\u0303n Thi\u0323",
        "O'Brien D’Arcy",
        "",
    ],
)
def test_our_own_fonts_print_their_scripts(book: FontBook, text: str):
    assert book.missing(text) == ()
    assert book.families(text) == ("FiraGO",)


@pytest.mark.parametrize(
    "ignorable",
    ["\u200d", "\u200c", "\u200f", "\u2066", "\ufe0f", "\u00ad", "\ufeff", "\U000e0041"],
)
def test_characters_that_show_nothing_need_no_glyph(book: FontBook, ignorable: str):
    assert book.missing(f"a{ignorable}b\u00a0c\u3000d\u2009e\nf") == ()


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        (
            "张",
            Missing(
                char="张",
                code_point="U+5F20",
                name="CJK UNIFIED IDEOGRAPH-5F20",
                script="Han",
                remedy="Install a font that has it (Debian: apt-get install fonts-noto-cjk), "
                "restart the workers, then replay.",
            ),
        ),
        (
            "Ana\x07",
            Missing(
                char="\x07",
                code_point="U+0007",
                name="",
                script="Common",
                remedy="It is no printable character: correct the text where it was entered.",
            ),
        ),
    ],
)
def test_a_missing_character_is_named_with_its_remedy(book: FontBook, text: str, missing: Missing):
    assert (missing,) == book.missing(text * 2)


@pytest.mark.parametrize(
    ("char", "having"),
    [
        ("김", "fonts-noto-cjk"),
        ("や", "fonts-noto-cjk"),
        ("𠮷", "fonts-hanazono"),
        ("👩", "fonts-noto-color-emoji"),
        ("🏽", "fonts-noto-color-emoji"),
        ("ব", "fonts-noto-core"),
        ("த", "fonts-noto-core"),
        ("አ", "fonts-noto-core"),
        ("ខ", "fonts-noto-core"),
        ("𐌰", "fonts-noto-core"),
        ("𐕰", "fonts-unifont"),
    ],
)
def test_the_debian_package_follows_the_script(book: FontBook, char: str, having: str):
    (missing,) = book.missing(char)

    assert f"apt-get install {having})" in missing.remedy


def _characters_of(package: str) -> set[int]:
    """All characters in the fonts that a Debian package has brought."""
    dpkg = shutil.which("dpkg") or "no dpkg"
    listed = [dpkg, "-L", package]
    try:
        files = subprocess.run(listed, capture_output=True, text=True, check=True)  # noqa: S603
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.skip(f"This needs Debian's package {package}.")
    characters: set[int] = set()
    for path in files.stdout.splitlines():
        if path.endswith(("-Regular.ttf", "-Regular.ttc")):
            with TTFont(path, fontNumber=0, lazy=True) as font:
                characters |= font.getBestCmap().keys()
    return characters


def test_the_package_that_is_named_has_the_script():
    """Of every script its first letter, looked up in what Debian's fonts really have."""
    letters: dict[str, str] = {}
    for char in map(chr, range(0x20000)):
        if unicodedata.category(char).startswith("L"):
            letters.setdefault(scripts.script(char), char)
    named = {script: package(char) for script, char in letters.items()}
    having = {each: _characters_of(each) for each in ("fonts-noto-core", "fonts-noto-cjk")}

    for script, char in letters.items():
        really = [each for each, characters in having.items() if ord(char) in characters]
        assert named[script] in (really or ["fonts-unifont"]), script


@pytest.mark.parametrize("char", ["\ud800", "\ue000", "\U0010ffff", "\u0378"])
def test_what_is_no_character_is_missing(book: FontBook, char: str):
    (missing,) = book.missing(char)

    assert missing.remedy == "It is no printable character: correct the text where it was entered."


def test_a_character_and_its_mark_must_be_in_one_font(tmp_path: Path):
    book = FontBook(
        [
            _face("FiraGO", _font(tmp_path / "base.ttf", "xyz")),
            _face("Marks", _font(tmp_path / "marks.ttf", "\u0330")),
        ]
    )

    assert book.missing("xyz") == ()
    assert [each.char for each in book.missing("x\u0330y")] == ["\u0330"]


def test_a_letter_may_be_put_together_from_what_the_font_has(tmp_path: Path):
    parts = FontBook([_face("FiraGO", _font(tmp_path / "parts.ttf", "e\u0301"))])
    whole = FontBook([_face("FiraGO", _font(tmp_path / "whole.ttf", "é"))])

    assert () == parts.missing("é") == whole.missing("e\u0301")


def test_a_character_that_only_the_regular_weight_has_is_missing(tmp_path: Path):
    faces = [
        _face("FiraGO", _font(tmp_path / "regular.ttf", "ab")),
        _face("FiraGO", _font(tmp_path / "bold.ttf", "a"), weight=700),
    ]

    assert [each.char for each in FontBook(faces).missing("ab")] == ["b"]


def test_slanted_narrow_and_blank_fonts_do_not_count(tmp_path: Path):
    faces = [
        _face("FiraGO", _font(tmp_path / "upright.ttf", "a")),
        _face("FiraGO", _font(tmp_path / "italic.ttf", "b"), style="italic"),
        _face("FiraGO", _font(tmp_path / "narrow.ttf", "b"), stretch=0.75),
        _face("Adobe Blank", _font(tmp_path / "blank.ttf", "b")),
    ]

    assert [each.char for each in FontBook(faces).missing("ab")] == ["b"]


def test_a_page_names_the_families_it_needs_preferred_first(
    ours: list[dict[str, object]], tmp_path: Path
):
    han, marked = _font(tmp_path / "han.ttf", "张a"), _font(tmp_path / "marked.ttf", "ব")
    cjk = [_face(f"Noto Sans CJK {country}", han) for country in ("HK", "JP", "KR", "SC", "TC")]
    book = FontBook([_face("Unifont", han), _face("Noto Sans Bengali", marked), *cjk, *ours])

    assert book.families("a张") == ("FiraGO", "Noto Sans CJK SC")
    assert book.families("a张", language="ja") == ("FiraGO", "Noto Sans CJK JP")
    assert book.families("ব") == ("FiraGO", "Noto Sans Bengali")


def test_unpacking_twice_leaves_the_files_alone(tmp_path: Path):
    first = {path: path.stat() for path in unpack(tmp_path).iterdir()}
    second = {path: path.stat() for path in unpack(tmp_path).iterdir()}

    assert sorted(path.name for path in first) == ["FiraGO-Bold.ttf", "FiraGO-Regular.ttf"]
    assert first == second


def test_a_half_written_font_is_written_again(tmp_path: Path):
    path = unpack(tmp_path) / "FiraGO-Regular.ttf"
    whole = path.read_bytes()
    path.write_bytes(whole[:1000])

    unpack(tmp_path)

    assert whole == path.read_bytes()


def test_a_chinese_name_is_held_or_printed_by_the_fonts_this_machine_has(renderer: Renderer):
    page = a_page(full_name="张伟")
    lacking = [each.char for each in renderer.missing(page)]

    if lacking:  # no CJK font here
        assert lacking == ["张", "伟"]
        with pytest.raises(Unprintable, match="'张' \\(U\\+5F20, Han\\) in the full name"):
            renderer.render(page)
    else:
        assert renderer.render(page).startswith(b"%PDF-")


def test_a_font_in_a_templates_folder_goes_before_all_others_and_is_that_templates_alone(
    own: Callable[..., Renderer], tmp_path: Path
):
    """What it has is printed with it, though ours has that, too; all else is printed with ours."""
    font = _font(tmp_path / "Brand.ttf", "Amin\ue123").read_bytes()
    renderer = own({"fonts/brand.ttf": font})
    page = a_page(template="own", full_name="Amina محمد")

    pdf = renderer.render(page)

    assert "Amina" in reading.text(pdf)
    assert () == renderer.missing(replace(page, full_name="\ue123"))
    assert {b"Brand", b"FiraGO"} == {name for name in (b"Brand", b"FiraGO") if name in pdf}
    assert 0 == reading.boxes_shown(pdf)
    assert "brand.ttf" in renderer.made_of(page)["fonts"]
    assert b"Brand" not in renderer.render(a_page())


def test_a_system_font_is_used_once_it_is_there(
    font_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The font that is checked is the font that prints: installed for this process alone."""
    fonts = tmp_path / "fonts"
    fonts.mkdir()
    source = unpack(font_cache) / "FiraGO-Regular.ttf"
    with TTFont(source) as font:
        for table in font["cmap"].tables:
            table.cmap[0xE123] = "a"  # what no other font has
        for record in font["name"].names:
            record.string = record.toUnicode().replace("FiraGO", "Elsewhere")
        font.save(fonts / "elsewhere.ttf")
    monkeypatch.setenv("XDG_DATA_HOME", os.fspath(tmp_path))
    page = a_page(full_name="Ana \ue123")

    with Renderer(font_cache=font_cache) as one:
        assert one.missing(page) == ()
        assert b"Elsewhere" in one.render(page)
