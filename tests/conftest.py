"""What all tests share: compiled programs go when the file that made them is done, or they would fill the memory."""

import jax
import pytest


@pytest.fixture(autouse=True, scope="module")
def forget_compiled_programs():
    yield
    jax.clear_caches()
