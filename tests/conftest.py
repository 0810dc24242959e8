"""What every test stands on: both event loops, and random tests that repeat themselves."""

import asyncio
from collections.abc import Callable

import pytest
import uvloop
from hypothesis import settings

# The same cases on every run: a red build is red for its change. To look for new ones:
# pytest --hypothesis-profile=explore
settings.register_profile("repeatable", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("explore", max_examples=2_000, deadline=None, print_blob=True)
settings.load_profile("repeatable")


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run each async test on both loops."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
