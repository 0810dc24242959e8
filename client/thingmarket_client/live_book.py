"""A market as a caller sees it: prices in money and in ticks, and a book that follows what is told of it."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Self, TypeAlias

from thingmarket.errors import Code, Refusal
from thingmarket.market.order_views import TradeSeen
from thingmarket.matching.records import MarketState
from thingmarket.money import currency_of
from thingmarket.trading.commands import ListedMarket
from thingmarket.wire.market_data import Levels, ListedSeen, MarketNews

if TYPE_CHECKING:
    from decimal import Decimal

Amount: TypeAlias = "str | int | Decimal"
_DIGITS_MAX: Final = 18  # two more than any price or quantity has, and three more than any scale


@dataclass(frozen=True, slots=True)
class Market:
    """A market of the node: its terms, and how it stood when it was asked for."""

    seen: ListedSeen

    @property
    def terms(self) -> ListedMarket:
        """What is traded, in what steps, by what rules."""
        return self.seen.terms

    @property
    def state(self) -> MarketState:
        """What it took when it was asked for."""
        return self.seen.state

    def ticks(self, price: Amount) -> int:
        """The price of one lot, as in "0.25", in ticks (BAD_FIELD when it lies between two ticks)."""
        minor, rest_of_minor = _scaled(price, currency_of(self.terms.currency).scale)
        ticks, rest = divmod(minor, self.terms.tick_minor)
        if rest or rest_of_minor:
            step = self.money(self.terms.offset_ticks + 1)
            raise Refusal(Code.BAD_FIELD, f"{price} lies between two prices; they are {step} apart", "ORD-2")
        return ticks + self.terms.offset_ticks

    def money(self, ticks: int) -> "Decimal":
        """What one lot costs at a price in ticks."""
        minor = (ticks - self.terms.offset_ticks) * self.terms.tick_minor
        return _decimal(minor, currency_of(self.terms.currency).scale)

    def steps(self, quantity: Amount) -> int:
        """A quantity in the unit of the product, as in "1.5", in steps (WRONG_QUANTITY between two)."""
        digits = self.terms.unit_scale
        steps, rest = _scaled(quantity, digits)
        if rest:
            reason = f"{quantity} is finer than {digits} digits after the point"
            raise Refusal(Code.WRONG_QUANTITY, reason, "ORD-2")
        return steps

    def lots(self, quantity: Amount) -> int:
        """A quantity in the unit of the product, as in "1.5", in lots (WRONG_QUANTITY between two lots)."""
        lots, rest = divmod(self.steps(quantity), self.terms.lot_steps)
        if rest:
            lot = self.quantity(1)
            raise Refusal(Code.WRONG_QUANTITY, f"{quantity} is no multiple of a lot, which is {lot}", "ORD-2")
        return lots

    def quantity(self, lots: int) -> "Decimal":
        """So many lots in the unit of the product."""
        return _decimal(lots * self.terms.lot_steps, self.terms.unit_scale)


def _decimal(whole: int, digits: int) -> "Decimal":
    from decimal import Decimal  # noqa: PLC0415  a megabyte, for who asks for prices

    return Decimal(whole).scaleb(-digits)


def _scaled(value: Amount, digits: int) -> tuple[int, int]:
    """A number as written times ten to the `digits`, exactly: the whole part, and whether there is a rest."""
    from decimal import Decimal, InvalidOperation  # noqa: PLC0415

    try:
        number = Decimal(value)
    except InvalidOperation:
        raise Refusal(Code.BAD_FIELD, f"{value!r} is no number; write it as 0.25") from None
    exponent = number.as_tuple().exponent
    # Bounded before it becomes a whole number, which of 1e999999 has a million digits.
    if isinstance(exponent, str) or exponent < -_DIGITS_MAX or number.adjusted() >= _DIGITS_MAX:
        raise Refusal(Code.BAD_FIELD, f"{value} has more than {_DIGITS_MAX} digits before or after the point")
    numerator, denominator = number.as_integer_ratio()
    whole, rest = divmod(numerator * 10**digits, denominator)
    return whole, rest


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveBook:
    """The best levels of a watched market after the log position `seq`, best first.

    `trades` are those since the book before this one; of `trades_missed` more nobody told, because the
    reader was too slow. After a new connection the book is whole again, and trades before it are not told.
    """

    market: int
    seq: int = 0
    state: MarketState = MarketState.PRE_OPEN
    bids: Levels = ()
    asks: Levels = ()
    trades: tuple[TradeSeen, ...] = ()
    trades_missed: int = 0
    afresh: bool = True

    def after(self, news: MarketNews) -> Self:
        """The book as it is after one message."""
        return replace(
            self,
            seq=news.seq,
            state=news.state,
            bids=_merged(() if news.snapshot else self.bids, news.bids, best_high=True),
            asks=_merged(() if news.snapshot else self.asks, news.asks, best_high=False),
            trades=news.trades,
            trades_missed=news.trades_missed,
            afresh=news.snapshot,
        )


def _merged(old: Levels, news: Levels, *, best_high: bool) -> Levels:
    by_price = {level[0]: level for level in (*old, *news)}
    return tuple(by_price[price] for price in sorted(by_price, reverse=best_high) if by_price[price][1] > 0)
