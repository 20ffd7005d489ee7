"""Each installed connector's README names every setting of its schema, and says which are secret.

The page for authors names every method, type and error of the contract.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors import base, registry
from connectors.fields import secret_names
from connectors.testing import ConnectorContract, RestContract
from tests.docs.papers import ROOT

PAGE = (ROOT / "docs" / "connectors.md").read_text("utf-8")


def readme_of(name: str) -> str:
    """The README beside a connector's class."""
    return (Path(inspect.getfile(registry.load(name))).parent / "README.md").read_text("utf-8")


@pytest.mark.parametrize("name", registry.names())
def test_every_setting_is_in_the_table_of_the_connector_s_readme(name: str):
    lines = readme_of(name).splitlines()
    schema = registry.load(name).settings_schema
    untold = [field for field in schema().fields if not _row(lines, field)]
    not_secret = [field for field in secret_names(schema) if "secret" not in _row(lines, field)]

    assert ([], []) == (untold, not_secret)


def _row(lines: list[str], field: str) -> str:
    return next((line for line in lines if line.startswith(f"| `{field}` |")), "")


def test_the_page_for_authors_names_every_method_of_the_contract():
    own = {name for name in vars(base.Connector) if not name.startswith("_")}

    assert [] == sorted(name for name in own if f"`{name}" not in PAGE)


def test_the_page_for_authors_names_every_error_and_every_capability():
    errors = [error.__name__ for error in _errors()]
    capabilities = [capability.name for capability in base.Capability]

    assert [] == [name for name in [*errors, *capabilities] if f"`{name}" not in PAGE]


def _errors() -> Iterator[type[base.ConnectorError]]:
    yield from base.ConnectorError.__subclasses__()


def test_the_page_for_authors_names_what_a_test_class_must_and_may_say():
    said = {
        name
        for suite in (ConnectorContract, RestContract)
        for name in [*suite.__annotations__, *suite.__abstractmethods__]
    }

    assert [] == sorted(name for name in said if f"`{name}" not in PAGE)
