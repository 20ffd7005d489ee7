"""The contract suite asserts; pytest explains its asserts as it does a test's own."""

import pytest

pytest.register_assert_rewrite("connectors.testing")
