"""The version of the software, as it was installed."""

from importlib.metadata import PackageNotFoundError, version
from typing import Final


def _installed() -> str:
    try:
        return version("thingmarket")
    except PackageNotFoundError:  # run from a checkout that was not installed
        return "0"


VERSION: Final = _installed()
