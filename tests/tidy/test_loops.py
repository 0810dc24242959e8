"""The hook of conftest holds: async tests run on both event loops."""

import asyncio

import pytest


def test_both_loops_are_offered(request: pytest.FixtureRequest) -> None:
    offered = request.config.hook.pytest_asyncio_loop_factories(config=request.config, item=request.node)
    assert set(offered) == {"asyncio", "uvloop"}


async def test_an_async_test_runs_on_the_loop_that_it_is_named_for(request: pytest.FixtureRequest) -> None:
    module = type(asyncio.get_running_loop()).__module__
    assert module.startswith("uvloop" if "uvloop" in request.node.name else "asyncio")


@pytest.fixture
async def loop_of_the_fixture() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


async def test_a_fixture_shares_the_loop_of_its_test(loop_of_the_fixture: asyncio.AbstractEventLoop) -> None:
    assert loop_of_the_fixture is asyncio.get_running_loop()
