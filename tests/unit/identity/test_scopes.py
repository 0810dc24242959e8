"""Scopes: empty allows nothing, `any` everything, exclusion wins. [MAN-2]"""

from itertools import combinations, product

from thingmarket.identity.scopes import EVERYTHING, NOTHING, Scope

CODES = ("4", "44", "441", "4412", "45")
NAMES = ("a", "b", "c")


def scopes_of(items: tuple[str, ...]) -> list[Scope]:
    lists = [tuple(chosen) for size in (0, 1, 2) for chosen in combinations(items, size)]
    bounded = [Scope(include=include, exclude=exclude) for include, exclude in product(lists, lists)]
    return bounded + [Scope(any=True, exclude=exclude) for exclude in lists]


def test_an_empty_scope_allows_nothing_and_any_allows_everything() -> None:
    assert not NOTHING.allows_name("a") and not NOTHING.allows_code("44") and not NOTHING.allows_code("")
    assert EVERYTHING.allows_name("a") and EVERYTHING.allows_code("44")


def test_an_excluded_item_is_refused_although_it_is_included() -> None:
    assert not Scope(include=("a",), exclude=("a",)).allows_name("a")
    assert not Scope(include=("44",), exclude=("4412",)).allows_code("44121500")
    assert not Scope(any=True, exclude=("a",)).allows_name("a")


def test_a_code_is_matched_by_its_prefix_and_a_name_as_a_whole() -> None:
    assert Scope(include=("44",)).allows_code("44103105")
    assert not Scope(include=("4410",)).allows_code("44")
    assert not Scope(include=("a",)).allows_name("ab")


def test_a_code_that_is_coarser_than_an_excluded_one_cannot_hide_it() -> None:
    assert not Scope(include=("44",), exclude=("4412",)).allows_code("44")
    assert not Scope(any=True, exclude=("4412",)).allows_code("")


def test_names_within_is_exactly_whether_all_that_the_child_allows_is_allowed() -> None:
    for child, parent in product(scopes_of(NAMES), repeat=2):
        implied = all(parent.allows_name(name) for name in (*NAMES, "z") if child.allows_name(name))
        assert child.names_within(parent) == implied, (child, parent)


def test_codes_within_never_lets_a_child_allow_what_its_parent_refuses() -> None:
    codes = [*CODES, "440", "44120", "451", "9"]
    for child, parent in product(scopes_of(CODES), repeat=2):
        if child.codes_within(parent):
            implied = all(parent.allows_code(code) for code in codes if child.allows_code(code))
            assert implied, (child, parent)


def test_every_scope_lies_within_itself_and_within_everything() -> None:
    for scope in scopes_of(CODES):
        assert scope.codes_within(scope) and scope.codes_within(EVERYTHING) and NOTHING.codes_within(scope)
