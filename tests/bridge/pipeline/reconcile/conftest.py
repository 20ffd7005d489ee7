"""The campus of these tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.bridge.pipeline.reconcile.campus import whole
from tests.bridge.world import World


@pytest.fixture
def changed_settings() -> Mapping[str, str]:
    """Few rounds by the clock: a test that lets days pass would spend all its time on them."""
    return {"reconcile": "21600"}


@pytest.fixture
def campus(world: World) -> World:
    """An LMS that knows who everybody is, and whose list is hours off."""

    def tell(batch: Any) -> Any:
        return [whole(world, found) for found in batch]

    world.lms.enriching.extend([tell] * 100)
    return world
