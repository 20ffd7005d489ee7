"""The console is ready for translation: every text is found, and a translation is shown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask import Flask

from bridge.app import create_app
from bridge.console import reading
from bridge.people.roles import Role
from scripts import messages
from tests.bridge.console import literals
from tests.bridge.console.conftest import PASSWORD, Browser, add_person
from tests.bridge.world import World

TEMPLATES = messages.SOURCES / "templates" / "console"


@pytest.fixture
def kind() -> str:
    return "sqlite"


def marked(text: str) -> str:
    """A translation into a language that nobody speaks: seen at once, and its names kept."""
    return f"⟦{text}⟧"


@pytest.fixture(scope="module")
def catalogues(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All texts in that language, under the name of Frisian."""
    folder = tmp_path_factory.mktemp("translations")
    catalogue = messages.bring_up_to_date("fy", folder)
    for one in catalogue:
        if isinstance(one.id, tuple):
            one.string = tuple(marked(each) for each in one.id)
        elif one.id:
            one.string = marked(one.id)
    messages.save(catalogue, folder)
    return folder


@pytest.fixture
def app(world: World, catalogues: Path, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """The program with that language beside English."""
    monkeypatch.setattr(reading, "CATALOGUES", catalogues)
    app = create_app(world.bridge)
    add_person(world, "ada@staff.example", Role.ADMIN)
    return app


@pytest.mark.parametrize("path", sorted(TEMPLATES.glob("**/*.html")), ids=lambda path: path.name)
def test_every_text_of_a_template_goes_through_gettext(path: Path) -> None:
    """Write ``{{ _("…") }}``; names that are the same in every language stand in `literals`."""
    assert [] == literals.in_template(path.read_text(encoding="utf-8"))


def test_every_message_goes_through_gettext() -> None:
    assert [] == [
        one for path in sorted(messages.SOURCES.glob("*.py")) for one in literals.in_code(path)
    ]


@pytest.mark.parametrize(
    ("template", "found"),
    [
        ("<p>Hello</p>", ["Hello"]),
        ("<p>{{ _('Hello') }} · {{ name }}</p>", []),
        ("<p>{% if x %}never{% endif %}</p>", ["¤never¤"]),
        ('<input placeholder="Name" value="x" title="{{ y }}">', ["Name"]),
        ("<code>vaultbridge up</code>", []),
    ],
)
def test_a_text_that_no_translator_would_see_is_found(template: str, found: list[str]) -> None:
    assert found == literals.in_template(template)


def test_a_translation_is_shown_and_chosen(app: Flask) -> None:
    browser = Browser(app.test_client())
    asked = browser.client.get("/console/sign-in", headers={"Accept-Language": "fy, en;q=0.5"})
    assert '<html lang="fy">' in asked.text
    assert "⟦Sign in⟧" in asked.text
    assert "<h1>Sign in</h1>" in browser.text("/sign-in")

    browser.sign_in("ada@staff.example", PASSWORD)
    chosen = browser.post("/account/reading", language="fy", time_zone="Asia/Dubai")

    assert 303 == chosen.status_code
    page = browser.text("/account")
    assert "⟦My account⟧" in page
    assert "Frysk" in page
    browser.post("/account/reading", language="", time_zone="")
    assert "<h1>My account</h1>" in browser.text("/account")


@pytest.mark.parametrize("path", ["/account", "/people", "/failures"])
def test_no_word_of_a_page_is_left(app: Flask, path: str) -> None:
    """What is left between the marks is data: names, roles, zones."""
    browser = Browser(app.test_client())
    browser.sign_in("ada@staff.example", PASSWORD)
    browser.post("/account/reading", language="fy")
    page = browser.text(path)

    body = re.sub(r"⟦[^⟧]*⟧", "", page.partition('<body id="top">')[2])
    left = literals.in_template(re.sub(r"<(datalist|select)\b.*?</\1>", "", body, flags=re.DOTALL))

    data = {"Vaultbridge", "Ada", "admin", "ada@staff.example"}
    assert [] == [one for one in left if not set(one.split()) <= data and "UTC" not in one]
