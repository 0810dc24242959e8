"""Every rule is tested on each kind of book that is to be had."""

from importlib import import_module
from typing import Literal

import pytest

from tests.unit.matching.floor import Floor

Kind = Literal["native", "python"]


def native_is_built() -> bool:
    try:
        import_module("thingmarket.matching._book")
    except ImportError:
        return False
    return True


NATIVE_ONLY = pytest.mark.skipif(not native_is_built(), reason="the native book is not built here")


@pytest.fixture(params=["python", pytest.param("native", marks=NATIVE_ONLY)])
def kind(request: pytest.FixtureRequest) -> Kind:
    return request.param


@pytest.fixture
def native() -> Kind:
    if not native_is_built():
        pytest.skip("the native book is not built here: only the plain one was tested")
    return "native"


@pytest.fixture
def floor(kind: Kind) -> Floor:
    return Floor(kind)
