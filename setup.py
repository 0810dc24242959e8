"""Builds the compiled modules; where that fails, the install goes on and their Python twins are used."""

from setuptools import Extension, setup

MATCHING = "marketplace/thingmarket/matching/"
CATALOG = "marketplace/thingmarket/catalog/"
SETTLEMENT = "marketplace/thingmarket/settlement/"
TRADING = "marketplace/thingmarket/trading/"
DESK_PARTS = (
    "_desk_floor.pxi",
    "_desk_admission.pxi",
    "_desk_resting.pxi",
    "_desk_settling.pxi",
    "_desk_own_prices.pxi",
    "_desk_learning.pxi",
    "_desk_placing.pxi",
    "_desk_telling.pxi",
    "_desk_known.pxi",
    "../matching/_book.pxd",
    "../settlement/_accounts.pxd",
)
BOOK_PARTS = (
    "_book.pxd",
    "_tables.pxi",
    "_storage.pxi",
    "_events.pxi",
    "_rules.pxi",
    "_markets.pxi",
    "_snapshot.pxi",
    "_ahead.pxi",
)
ACCOUNTS_PARTS = ("_accounts.pxd", "_accounts_names.pxi", "_accounts_records.pxi")
BLOCKS_PARTS = ("_bounds.pxi", "_blocks_names.pxi", "_blocks_rows.pxi")

setup(
    ext_modules=[
        Extension(
            "thingmarket.matching._book",
            sources=[MATCHING + "_book.pyx"],
            depends=[MATCHING + part for part in BOOK_PARTS],
            extra_compile_args=["-O3"],
            optional=True,  # no compiler is no reason not to install
        ),
        Extension(
            "thingmarket.settlement._accounts",
            sources=[SETTLEMENT + "_accounts.pyx"],
            depends=[SETTLEMENT + part for part in ACCOUNTS_PARTS],
            extra_compile_args=["-O3"],
            optional=True,
        ),
        Extension(
            "thingmarket.trading._desk",
            sources=[TRADING + "_desk.pyx"],
            depends=[TRADING + part for part in DESK_PARTS],
            extra_compile_args=["-O3"],
            optional=True,
        ),
        Extension(
            "thingmarket.catalog._blocks",
            sources=[CATALOG + "_blocks.pyx"],
            depends=[CATALOG + part for part in BLOCKS_PARTS],
            extra_compile_args=["-O3"],
            optional=True,
        ),
    ]
)
