"""What a scenario must come to, as data, and how it is held against what happened."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

WALLETS: Final = "wallets"  # the words of `thingmarket node books`
ESCROW: Final = "escrow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """One contract: owners by name, minor units, how it ended and by what, which rules allowed it.

    `units` are its parts, `late_credit_minor` is what came back because they were late.
    """

    buyer: str
    seller: str
    product: str
    total_minor: int
    ended: str
    cause: str
    need: bool
    rules: tuple[str, ...]
    units: int = 1
    late_credit_minor: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Somebody tried something and was told no, by this code and rule."""

    who: str
    what: str
    code: str
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Turnover:
    """What was traded in a book: how often, how much, for what, and what the operator got of it."""

    trades: int
    lots: int
    cash_minor: int
    fee_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """All that a scenario must come to, in minor units of its one currency.

    `operator_minor` is what the node holds besides wallets and escrow, by the words of `node books`. `points`
    are those of each owner who has or gave some; what he gave counts below nothing. `decisions` say how often
    the rules of an owner said what; owners who are not named are not looked at. `turnover` is that of each
    book by its name, `goods` what is left in the accounts that books sell from, by whose and which.
    """

    trades: tuple[Trade, ...]
    refusals: tuple[Refused, ...]
    balances_minor: Mapping[str, int]
    operator_minor: Mapping[str, int] = field(default_factory=dict)
    points: Mapping[str, int] = field(default_factory=dict)
    decisions: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    turnover: Mapping[str, Turnover] = field(default_factory=dict)
    goods: Mapping[str, int] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Found:
    """What happened, collected while the scenario runs; `contracts` are ids in the order of `trades`."""

    deposits_minor: dict[str, int] = field(default_factory=dict)
    trades: list[Trade] = field(default_factory=list)
    refusals: list[Refused] = field(default_factory=list)
    balances_minor: dict[str, int] = field(default_factory=dict)
    escrow_minor: int = 0
    books_minor: dict[str, int] = field(default_factory=dict)
    points: dict[str, int] = field(default_factory=dict)
    decisions: dict[str, dict[str, int]] = field(default_factory=dict)
    contracts: list[str] = field(default_factory=list)
    turnover: dict[str, Turnover] = field(default_factory=dict)
    goods: dict[str, int] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)  # what a story shows besides
    checks: list["Check"] = field(default_factory=list)

    @property
    def money_conserved(self) -> bool:
        """Wallets, escrows and what the operator holds are what was ever paid in, to the cent."""
        return bool(self.balances_minor) and self.held_minor == sum(self.deposits_minor.values())

    @property
    def held_minor(self) -> int:
        """All money: what owners say that they have, and what the node holds besides."""
        return sum(self.balances_minor.values()) + self.escrow_minor + sum(self.operator_minor.values())

    @property
    def operator_minor(self) -> dict[str, int]:
        """What the node holds besides wallets and escrow: fees, tax, reserves; what is empty is left out."""
        return {
            name: minor
            for name, minor in sorted(self.books_minor.items())
            if minor and name not in (WALLETS, ESCROW)
        }


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must be so."""

    name: str
    expected: Any
    found: Any

    @property
    def holds(self) -> bool:
        """True when it is so."""
        return bool(self.expected == self.found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a run came to."""

    scenario: str
    checks: tuple[Check, ...]
    found: Found
    duration_ms: int

    @property
    def passed(self) -> bool:
        """True when every check holds; a run without checks shows nothing."""
        return bool(self.checks) and all(check.holds for check in self.checks)

    def value(self) -> dict[str, Any]:
        """The report as one JSON object."""
        return {
            "scenario": self.scenario,
            "passed": self.passed,
            "trades": len(self.found.trades),
            "refusals": len(self.found.refusals),
            "money_conserved": self.found.money_conserved,
            "duration_s": round(self.duration_ms / 1000, 3),
            "contracts": [asdict(trade) for trade in self.found.trades],
            "refused": [asdict(refusal) for refusal in self.found.refusals],
            "balances_minor": self.found.balances_minor,
            "operator_minor": self.found.operator_minor,
            "points": self.found.points,
            "turnover": {name: asdict(one) for name, one in self.found.turnover.items()},
            "goods": self.found.goods,
            "figures": self.found.figures,
            "checks": [
                {"name": c.name, "holds": c.holds, "expected": _plain(c.expected), "found": _plain(c.found)}
                for c in self.checks
            ],
        }


def judge(expected: Expected, found: Found) -> tuple[Check, ...]:
    """Hold everything that was expected against what was found, and nothing else may have happened."""
    checks = [*found.checks, *_in_turn("trade", expected.trades, found.trades)]
    checks += _in_turn("refusal", expected.refusals, found.refusals)
    checks += _by_name("balance of {}, minor units", expected.balances_minor, found.balances_minor)
    checks += _by_name("the node's {}, minor units", expected.operator_minor, found.operator_minor)
    checks += _by_name("points of {}", expected.points, found.points)
    checks += _by_name("turnover of {}", expected.turnover, found.turnover)
    checks += _by_name("goods of {}", expected.goods, found.goods)
    for owner, wanted in expected.decisions.items():
        checks.append(Check(f"decisions for {owner}", dict(wanted), found.decisions.get(owner)))
    deposits = sum(found.deposits_minor.values())
    checks.append(Check("all money together, minor units", deposits, found.held_minor))
    wallets = sum(found.balances_minor.values())
    checks.append(Check("all wallets, as the node adds them up", found.books_minor.get(WALLETS), wallets))
    escrow = found.books_minor.get(ESCROW, 0)
    checks.append(Check("all escrows, as the node adds them up", escrow, found.escrow_minor))
    checks.append(Check("points given less points held", 0, sum(found.points.values())))
    return tuple(checks)


def _by_name(what: str, expected: Mapping[str, Any], found: Mapping[str, Any]) -> list[Check]:
    names = sorted(expected.keys() | found.keys())
    return [Check(what.format(name), expected.get(name), found.get(name)) for name in names]


def _in_turn(what: str, expected: Sequence[Any], found: Sequence[Any]) -> list[Check]:
    checks = [Check(f"number of {what}s", len(expected), len(found))]
    for place in range(max(len(expected), len(found))):
        wanted = expected[place] if place < len(expected) else None
        has = found[place] if place < len(found) else None
        checks.append(Check(f"{what} {place + 1}", wanted, has))
    return checks


def _plain(value: Any) -> Any:
    return asdict(value) if isinstance(value, Trade | Refused | Turnover) else value
