"""Templates in the console: the gallery, awkward names, and one of an institution's own."""

from __future__ import annotations

import io
import json
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from flask import Flask

import bridge.certificates.templates as gallery
from bridge.app import create_app
from bridge.certificates import own
from bridge.certificates.render import Renderer
from bridge.people.roles import Limits, Role
from bridge.store import tables
from tests.bridge.console.conftest import Browser, SignedIn, add_person
from tests.bridge.world import SITE, World

LOGO = b'<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40"><circle r="20"/></svg>'
HAND = LOGO.replace(b"circle", b"rect width='9' height='9'").replace(b' r="20"', b"")


@pytest.fixture
def kind() -> str:
    """Nothing of it is in the database."""
    return "sqlite"


@pytest.fixture
def folder(world: World, tmp_path: Path) -> Iterator[Path]:
    """An institution's own templates."""
    mine = tmp_path / "templates"
    mine.mkdir()
    with Renderer(font_cache=tmp_path / "fonts", folders=gallery.folders(mine)) as renderer:
        settings = replace(world.bridge.settings, templates_dir=mine)
        world.bridge = replace(world.bridge, settings=settings, renderer=renderer)
        yield mine


@pytest.fixture
def admin(world: World, folder: Path) -> Browser:
    app: Flask = create_app(world.bridge)
    add_person(world, "ada@staff.example", Role.ADMIN)
    browser = Browser(app.test_client())
    browser.sign_in("ada@staff.example")
    return browser


def uploaded(content: bytes, name: str = "../../evil.svg") -> tuple[io.BytesIO, str]:
    return io.BytesIO(content), name


def test_each_is_shown_with_awkward_names(world: World, signed_in: SignedIn) -> None:
    viewer = signed_in(limits=Limits(sites=frozenset({SITE})))

    assert all(name in viewer.text("/templates") for name in gallery.names())
    for sample in ("usual", "long", "arabic", "letter", "signs"):
        answer = viewer.get(f"/templates/classic/page.svg?sample={sample}&paper=us-letter")
        assert ("image/svg+xml", True) == (answer.mimetype, answer.text.startswith("<svg"))
    assert "Keep it as" not in viewer.text("/templates/classic?sample=cjk")


def test_one_of_its_own_is_made_and_changed_and_printed_at_once(
    world: World, admin: Browser, folder: Path
) -> None:
    signing = {"s.0.name": "Prof. “Li”: Dean", "s.0.role": "Dean", "s.0.from": "2026-01-01"}
    made = admin.post(
        "/templates/classic",
        name="sharjah",
        **{"p.accent": "#7a1f2b", "p.border": "false", "p.validity": "2 years", **signing},
        **{"file.logo": uploaded(LOGO), "file.signature.0": uploaded(HAND)},
    )
    first = world.bridge.renderer.template("sharjah").digest
    changed = admin.post("/templates/sharjah", name="sharjah", **{"p.accent": "#1f3a5f"})

    assert [303, 303] == [made.status_code, changed.status_code]
    said = yaml.safe_load((folder / "sharjah" / "template.yaml").read_text("utf-8"))["parameters"]
    assert ("#1f3a5f", False, "logo.svg") == tuple(
        said[name]["default"] for name in ("accent", "border", "logo")
    )
    assert LOGO == (folder / "sharjah" / "logo.svg").read_bytes()
    assert ["sharjah"] == [each.name for each in folder.iterdir() if each.name[0] != "."]
    assert first != world.bridge.renderer.template("sharjah").digest
    whats = [row.what for row in world.rows(tables.event) if row.subject == "template sharjah"]
    assert ["template made", "template changed"] == whats


def test_signatories_stand_in_the_description(admin: Browser, folder: Path) -> None:
    signing = {"s.0.name": "Prof. “Li”: Dean", "s.0.role": "Dean", "s.0.from": "2026-01-01"}

    admin.post("/templates/minimal", name="one", **signing, **{"file.signature.0": uploaded(HAND)})

    said = yaml.safe_load((folder / "one" / "template.yaml").read_text("utf-8"))
    [dean] = said["parameters"]["signatories"]["default"]
    assert ("Prof. “Li”: Dean", "Dean", "signature-1.svg") == tuple(
        dean[key] for key in ("name", "role", "image")
    )
    assert 'value="Prof. “Li”: Dean"' in admin.text("/templates/one")


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"name": "classic"}, "already"),
        ({"name": "../up"}, "no name for a template"),
        ({"name": "a", "p.accent": "red"}, "Give a colour"),
        ({"name": "a", "file.logo": b"MZ\x90 a program"}, "no picture"),
        ({"name": "a", "file.logo": LOGO + b" " * 100_000}, "is larger than"),
        ({"name": "a", "file.logo": b"<svg nonsense"}, "cannot be shown"),
        ({"name": "a", "s.0.name": "Li", "s.0.until": "soon"}, "2026-09-01"),
    ],
)
def test_what_does_not_fit_is_told_and_nothing_is_kept(
    admin: Browser,
    folder: Path,
    sent: dict[str, str | bytes],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(own, "PICTURE_LIMIT", 100_000)
    data = {
        name: uploaded(value) if isinstance(value, bytes) else value for name, value in sent.items()
    }

    answer = admin.post("/templates/classic", **data)

    assert (422, True) == (answer.status_code, said in answer.text)
    assert [] == [each for each in folder.iterdir() if each.name[0] != "."]


def test_values_are_drawn_as_they_are_typed(admin: Browser) -> None:
    path = "/templates/classic/look"

    blue = json.loads(admin.post(path, **{"p.accent": "#0000ff"}).text)
    wrong = json.loads(admin.post(path, **{"p.accent": "blue"}).text)

    assert len(blue["picture"]) > 1000
    assert "Give a colour" in wrong["fault"]


def test_a_file_changed_by_hand_is_read_after_a_restart_only(
    admin: Browser, world: World, folder: Path
) -> None:
    admin.post("/templates/classic", name="mine")
    before = world.bridge.renderer.template("mine")
    path = folder / "mine" / "template.yaml"
    path.write_bytes(path.read_bytes() + b"# half wri")
    os.utime(path, (time.time() + 9, time.time() + 9))

    assert before is world.bridge.renderer.template("mine")
