"""Forms that are made from a schema, and instructions that are made from Markdown."""

from __future__ import annotations

import marshmallow as ma
import pytest

from bridge.console import instructions, settings_form
from connectors import registry
from connectors.signed.connector import SignedConnector
from tests.bridge.world import World


class AnySchema(ma.Schema):
    api_url = ma.fields.String(required=True, metadata={"help": "Where.", "example": "https://a"})
    region = ma.fields.String(
        load_default="eu",
        validate=ma.validate.OneOf(["eu", "us"], labels=["Europe", "America"]),
        metadata={"help": "Which."},
    )
    pages = ma.fields.Integer(load_default=50, metadata={"label": "Pages at once"})
    strict = ma.fields.Boolean(load_default=True)
    tags = ma.fields.List(ma.fields.String(), load_default=list)
    key = ma.fields.String(required=True, metadata={"secret": True, "make": lambda: "made"})


def test_each_field_has_the_form_of_its_kind() -> None:
    schema = AnySchema()
    values = settings_form.stored(schema, {"tags": ["a", "b"]})
    fields = settings_form.fields(schema, values=values, mistakes={"settings.pages": "No."})

    assert [
        ("settings.api_url", "API URL", "text", "", None),
        ("settings.region", "Region", "choice", "eu", None),
        ("settings.pages", "Pages at once", "number", "50", "No."),
        ("settings.strict", "Strict", "tick", "yes", None),
        ("settings.tags", "Tags", "lines", "a\nb", None),
        ("settings.key", "Key", "secret", "", None),
    ] == [(f.name, f.label, f.kind, f.value, f.wrong) for f in fields]
    assert [("eu", "Europe"), ("us", "America")] == fields[1].choices
    assert ["settings.key"] == [
        f.name for f in settings_form.fields(schema, secret=True, values={}, mistakes={})
    ]


def test_a_form_is_read_back_as_the_schema_takes_it() -> None:
    schema = AnySchema()
    form = {"settings.api_url": " https://a ", "settings.pages": "7", "settings.tags": "a\r\n\r\nb"}

    plain = settings_form.plain(schema, form)

    assert {
        "api_url": "https://a",
        "region": "",
        "pages": "7",
        "strict": False,
        "tags": ["a", "b"],
    } == plain
    assert {} == settings_form.secrets(schema, form)
    assert {"key": "made"} == settings_form.made(schema, {})
    assert {} == settings_form.made(schema, {"key": "typed"})


HOSTILE = """\
# Title
<script>alert(1)</script> <b onclick="x()">b</b>

[out](https://example.edu) [bad](javascript:alert(1)) [file](body.schema.json) [code](settings.py)
[up](../../docs/mappings.md) ![picture](https://example.edu/p.png)
"""


def test_instructions_can_do_no_harm(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    beside = registry.beside

    def hostile(connector: type, name: str) -> bytes | None:
        return HOSTILE.encode() if name == registry.INSTRUCTIONS else beside(connector, name)

    monkeypatch.setattr(registry, "beside", hostile)
    with world.app.test_request_context():
        shown = instructions.instructions(SignedConnector)

    assert shown
    assert "<h2>Title</h2>" in shown
    assert '<a href="https://example.edu" rel="noopener">out</a>' in shown
    assert "/connectors/signed/files/body.schema.json" in shown
    for harm in ("<script", "<b ", "<img", 'href="javascript', "settings.py", "../"):
        assert harm not in shown, harm
