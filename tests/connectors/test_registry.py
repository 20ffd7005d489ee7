"""Connectors are found by their entry points, ours and plug-ins alike."""

from __future__ import annotations

import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

import connectors
from connectors.moodle.connector import MoodleConnector
from connectors.registry import GROUP, UnknownConnector, load, names
from connectors.signed.connector import SignedConnector

ROOT = Path(connectors.__file__).parent.parent
MOODLE = "connectors.moodle.connector:MoodleConnector"


def point(name: str, value: str) -> EntryPoint:
    return EntryPoint(name=name, value=value, group=GROUP)


def declared() -> list[EntryPoint]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return [point(name, value) for name, value in project["entry-points"][GROUP].items()]


def test_our_connectors_are_declared_and_load():
    expected = {"moodle": MoodleConnector, "signed": SignedConnector}

    assert expected == {name: load(name, declared()) for name in names(declared())}


def test_every_folder_with_a_connector_is_declared():
    folders = {path.parent.name for path in (ROOT / "connectors").glob("*/connector.py")}

    assert folders == set(names(declared()))


def test_an_unknown_name_says_which_are_known():
    with pytest.raises(UnknownConnector, match=r"'canvas'.*Installed are: moodle, signed"):
        load("canvas", declared())


def test_without_any_it_says_so():
    with pytest.raises(UnknownConnector, match="none at all"):
        load("moodle", [])


def test_two_packages_that_offer_one_name_are_refused():
    points = [point("moodle", MOODLE), point("moodle", "other.package:Moodle")]

    with pytest.raises(UnknownConnector, match=r"more than once.*other\.package:Moodle"):
        load("moodle", points)


def test_one_package_seen_twice_is_one():
    assert load("moodle", [point("moodle", MOODLE)] * 2) is MoodleConnector


@pytest.mark.parametrize("value", ["no.such.module:X", "connectors.moodle.connector:NoSuch"])
def test_a_broken_connector_is_named_and_stops_nobody_else(value):
    points = [*declared(), point("broken", value)]

    assert names(points) == ["broken", "moodle", "signed"]
    assert load("signed", points) is SignedConnector
    with pytest.raises(UnknownConnector, match=r"'broken'.*cannot be imported"):
        load("broken", points)


def test_what_is_no_connector_is_refused():
    with pytest.raises(UnknownConnector, match="no Connector class"):
        load("x", [point("x", "connectors.base:Learner")])


def test_a_connector_under_another_name_is_refused():
    with pytest.raises(UnknownConnector, match="calls itself 'moodle'"):
        load("moodel", [point("moodel", MOODLE)])
