"""``vaultbridge templates …``: from a copy to a page one can look at, without an installation."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from tests.bridge.certificates import reading
from tests.bridge.certificates.pages import ENDLESS, PLAIN, SEAL, a_template
from tests.bridge.cli.conftest import Run


@pytest.fixture
def folder(tmp_path: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of one's own templates, in the environment; no database is needed."""
    monkeypatch.delenv("BRIDGE_DATABASE_URL")
    own = tmp_path / "own templates"
    monkeypatch.setenv("BRIDGE_TEMPLATES_DIR", str(own))
    return own


def test_a_template_is_begun_changed_checked_and_looked_at(run: Run, folder: Path) -> None:
    assert 0 == run("templates", "new", "sharjah", "--from", "modern").code
    (folder / "sharjah" / "seal.svg").write_bytes(SEAL)
    about = folder / "sharjah" / "template.yaml"
    about.write_text(about.read_text().replace("seal: {}", "seal: {default: seal.svg}"))

    assert "1 good.\n" == run("templates", "check", "sharjah").out
    page = folder / "page.pdf"
    said = run("templates", "preview", "sharjah", str(page), "--full-name", "Zoë van der Berg")

    assert (0, f"{page}: sharjah, as Zoë van der Berg on 2026-11-20.\n") == (said.code, said.out)
    assert "Zoë van der Berg" in reading.text(page.read_bytes())
    rows = run("templates", "list", "--json").json
    assert ["bilingual", "classic", "minimal", "modern", "sharjah"] == [r["name"] for r in rows]
    own = {each["name"]: each for each in rows[-1]["parameters"]}
    assert ("image", "seal.svg") == (own["seal"]["type"], own["seal"]["default"])


def test_a_copy_is_not_changed_by_an_upgrade(run: Run, folder: Path) -> None:
    run("templates", "new", "sharjah")

    brought = {path.name for path in (folder / "sharjah").iterdir()}

    assert {"template.typ", "template.yaml", "vaultbridge.typ", "vaultbridge.yaml"} == brought


def test_a_preview_may_be_a_picture_with_awkward_names_and_parameters(
    run: Run, folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "page.png"
    options = ("--language", "ar", "--paper", "us-letter", "--awkward", "--date", "2027-01-31")
    given = ("--set", "border=false", "--set", "accent=#aa0000")

    said = run("templates", "preview", "classic", str(out), *options, *given)

    assert (0, True) == (said.code, "on 2027-01-31" in said.out), said.err
    seen = Image.open(io.BytesIO(out.read_bytes()))
    assert (279.4 / 215.9) == pytest.approx(seen.width / seen.height, abs=0.01)
    colours = seen.convert("RGB").getcolors(maxcolors=1 << 24)
    assert (170, 0, 0) in {colour for _, colour in colours or []}


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (PLAIN + "#data.nothing", "own does not compile (template.typ:6:7): dictionary does not"),
        (PLAIN + "#(1", "own does not compile (template.typ:6:"),
        (PLAIN + "#pagebreak()\n b", "it makes 2 pages, and a certificate has one"),
        (PLAIN + '#image("no.png")', "own does not compile (template.typ:6:"),
        (PLAIN + "\ue000", "cannot print (template.typ:6:1)"),
        (ENDLESS.replace("Endless", "Amina O'Brien"), "The template did not end within 5 s."),
    ],
)
def test_what_fails_is_told_with_its_place(run: Run, folder: Path, source: str, told: str) -> None:
    a_template(folder, source)

    said = run("templates", "check", "own")

    assert (1, "") == (said.code, said.out)
    assert told in said.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("new", "Upper"), "'Upper' is no name for a template."),
        (("new", "../out"), "is no name for a template."),
        (("new", "x", "--from", "barock"), "There is no template 'barock'."),
        (("check", "barock"), "There is no template 'barock'."),
        (("preview", "classic", "x.gif"), "OUT must end in .pdf or .png."),
        (("preview", "classic", "x.png", "--set", "border"), "write NAME=VALUE"),
        (("preview", "classic", "x.png", "--set", "border=no"), "Give true or false."),
        (("preview", "classic", "x.png", "--language", "tlh"), "one of: ar, de, en"),
        (("preview", "classic", "x.png", "--full-name", "\ue000"), "U+E000"),
    ],
)
def test_what_cannot_be_done_says_why(
    run: Run, folder: Path, arguments: tuple[str, ...], told: str
) -> None:
    said = run("templates", *arguments)

    assert (True, "") == (said.code > 0, said.out)
    assert told in said.err
    assert not folder.exists()


def test_what_is_there_is_not_overwritten(run: Run, folder: Path) -> None:
    run("templates", "new", "sharjah")
    (folder / "sharjah" / "template.typ").write_text("mine")

    said = run("templates", "new", "sharjah")

    assert (True, True) == (said.code > 0, "is there already" in said.err)
    assert "mine" == (folder / "sharjah" / "template.typ").read_text()


def test_without_a_folder_it_says_where_to_name_one(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BRIDGE_TEMPLATES_DIR", raising=False)

    assert "BRIDGE_TEMPLATES_DIR" in run("templates", "new", "sharjah").err
    assert ["bilingual", "classic", "minimal", "modern"] == [
        row["name"] for row in run("templates", "list", "--json").json
    ]
