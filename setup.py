"""Builds the compiled modules; where that fails, the install goes on and their Python twins are used."""

from setuptools import Extension, setup

FOLDER = "marketplace/thingmarket/matching/"
CATALOG = "marketplace/thingmarket/catalog/"
SETTLEMENT = "marketplace/thingmarket/settlement/"
PARTS = (
    "_book.pxd",
    "_tables.pxi",
    "_storage.pxi",
    "_events.pxi",
    "_rules.pxi",
    "_markets.pxi",
    "_snapshot.pxi",
    "_ahead.pxi",
)

setup(
    ext_modules=[
        Extension(
            "thingmarket.matching._book",
            sources=[FOLDER + "_book.pyx"],
            depends=[FOLDER + part for part in PARTS],
            extra_compile_args=["-O3"],
            optional=True,  # no compiler is no reason not to install
        ),
        Extension(
            "thingmarket.settlement._accounts",
            sources=[SETTLEMENT + "_accounts.pyx"],
            depends=[SETTLEMENT + "_accounts.pxd"],
            extra_compile_args=["-O3"],
            optional=True,
        ),
        Extension(
            "thingmarket.catalog._blocks",
            sources=[CATALOG + "_blocks.pyx"],
            depends=[CATALOG + "_bounds.pxi"],
            extra_compile_args=["-O3"],
            optional=True,
        ),
    ]
)
