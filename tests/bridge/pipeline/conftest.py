"""A campus for each test of the pipeline that asks for one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.bridge.pipeline.at_campus import Campus, campus_of
from tests.bridge.world import World


@pytest.fixture
def campus(world: World) -> Iterator[Campus]:
    """A stand-in Moodle, a site of the world."""
    with campus_of(world) as campus:
        yield campus
