"""The contract suite is shipped code with asserts: pytest explains them as it does a test's."""

import pytest

pytest.register_assert_rewrite("connectors.testing")
