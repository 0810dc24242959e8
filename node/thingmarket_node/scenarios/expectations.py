"""What a scenario must come to, as data, and how it is held against what happened."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """One contract: owners by name, minor units, how its unit ended and by what, which rules allowed it."""

    buyer: str
    seller: str
    product: str
    total_minor: int
    ended: str
    cause: str
    need: bool
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Somebody tried something and was told no, by this code and rule."""

    who: str
    what: str
    code: str
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """All that a scenario must come to; balances by owner in minor units of its one currency."""

    trades: tuple[Trade, ...]
    refusals: tuple[Refused, ...]
    balances_minor: Mapping[str, int]


@dataclass(slots=True, kw_only=True)
class Found:
    """What happened, collected while the scenario runs; `contracts` are ids in the order of `trades`."""

    deposits_minor: dict[str, int] = field(default_factory=dict)
    trades: list[Trade] = field(default_factory=list)
    refusals: list[Refused] = field(default_factory=list)
    balances_minor: dict[str, int] = field(default_factory=dict)
    escrow_minor: int = 0
    contracts: list[str] = field(default_factory=list)
    checks: list["Check"] = field(default_factory=list)

    @property
    def money_conserved(self) -> bool:
        """Wallets and escrows hold what was ever paid in, to the cent."""
        held = sum(self.balances_minor.values()) + self.escrow_minor
        return bool(self.balances_minor) and held == sum(self.deposits_minor.values())


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
            "checks": [
                {"name": c.name, "holds": c.holds, "expected": _plain(c.expected), "found": _plain(c.found)}
                for c in self.checks
            ],
        }


def judge(expected: Expected, found: Found) -> tuple[Check, ...]:
    """Hold everything that was expected against what was found, and nothing else may have happened."""
    checks = [*found.checks, *_in_turn("trade", expected.trades, found.trades)]
    checks += _in_turn("refusal", expected.refusals, found.refusals)
    for owner in sorted(expected.balances_minor.keys() | found.balances_minor.keys()):
        wanted, has = expected.balances_minor.get(owner), found.balances_minor.get(owner)
        checks.append(Check(f"balance of {owner}, minor units", wanted, has))
    held = sum(found.balances_minor.values()) + found.escrow_minor
    checks.append(
        Check("wallets and escrows together, minor units", sum(found.deposits_minor.values()), held)
    )
    return tuple(checks)


def _in_turn(what: str, expected: Sequence[Any], found: Sequence[Any]) -> list[Check]:
    checks = [Check(f"number of {what}s", len(expected), len(found))]
    for place in range(max(len(expected), len(found))):
        wanted = expected[place] if place < len(expected) else None
        has = found[place] if place < len(found) else None
        checks.append(Check(f"{what} {place + 1}", wanted, has))
    return checks


def _plain(value: Any) -> Any:
    return asdict(value) if isinstance(value, Trade | Refused) else value
