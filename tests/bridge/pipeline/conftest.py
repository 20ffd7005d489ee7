"""A campus, or a second site, for each test of the pipeline that asks for one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import scripted_lms
from tests.bridge.pipeline.at_campus import Campus, campus_of
from tests.bridge.world import SECOND, World
from tests.scripted_lms import ScriptedLms, SecondConnector


@pytest.fixture
def campus(world: World) -> Iterator[Campus]:
    """A stand-in Moodle, a site of the world."""
    with campus_of(world) as campus:
        yield campus


@pytest.fixture
def second(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ScriptedLms:
    """Another site, with an LMS of its own."""
    folder = scripted_lms.install(tmp_path / "second-plug-in", SecondConnector)
    monkeypatch.syspath_prepend(folder)
    SecondConnector.lms = ScriptedLms()
    world.add_site(SECOND, "second")
    return SecondConnector.lms
