"""Offers of one currency as rows of an index, which proposes what a `Ranking` then looks at. [CAT-6]

A row never promises less than its offer holds: what does not fit a cell counts as whatever suits, and a price
is known to within its rounding. So the best proposal bounds all that follow, and the ranking stays exact.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from thingmarket.catalog.attributes import DELIVERY, PRICE, AttributeValue, ScaledInteger, kind_of
from thingmarket.catalog.blocks import (
    ANYTHING,
    CELL_MAX,
    OTHERWISE,
    UNSTATED,
    Ask,
    Condition,
    Line,
    OneOf,
    Row,
)
from thingmarket.catalog.needs import Comparison, Constraint, Favourite, Need, Preference
from thingmarket.catalog.offers import Offer
from thingmarket.catalog.ranking import Place
from thingmarket.ids import digest
from thingmarket.limits import ATTRIBUTES_MAX
from thingmarket.proportions import WHOLE_BASIS_POINTS

RATE_PARTS: Final = 1_000_000
"""Prices of a whole unit, tax included, are kept in millionths of a minor unit."""

_RATE, _DELIVERY, _CATEGORY, _UNIT, _LEAST, _MOST, _FIRST_FACT = range(7)
_CATEGORY_DIGITS: Final = 8
_SCALE_MAX: Final = 15  # as fine as a quantity can be
_QUANTITY_PARTS: Final = 10**6  # of a whole unit: least and most quantities are kept in these
_FULL_RANGE: Final = (-CELL_MAX, CELL_MAX)
_NEVER_HELD: Final = CELL_MAX  # a value of a fact that reaches it counts as whatever suits
_NO_CELL: Final = (1, 0)  # a range in which nothing lies


class _Fact(NamedTuple):
    """What a column holds: its number, and the kind, unit and scale of the first value that was seen."""

    column: int
    like: AttributeValue

    @property
    def scale(self) -> int:
        return self.like.scale if isinstance(self.like, ScaledInteger) else 0

    def asked_for(self, value: AttributeValue) -> bool:
        """Whether a value can be held against the cells."""
        return kind_of(value) is kind_of(self.like) and _unit(value) == _unit(self.like)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A need as it is asked of an index, with what turns a row's place into a bound for its offer's."""

    ask: Ask
    quantity: "Quantity"
    spare: int  # weight of the wishes that the index knows nothing of
    slack_minor: int | None  # how far a total may lie beside what the rate comes to; None: anywhere

    def surely_behind(self, row: Row, last: Place) -> bool:
        """Whether the offer of a row, and of every row after it, stands behind a place."""
        standing, less_score, cost, _ = row.place
        bound = standing, less_score - self.spare
        if bound != last[:2] or cost == ANYTHING or self.slack_minor is None:
            return bound > last[:2]
        steps, parts = self.quantity
        return cost * steps // (RATE_PARTS * parts) - self.slack_minor > last[2]


class Quantity(NamedTuple):
    """What a need asks for: so many steps, of which `parts` make a whole unit."""

    steps: int
    parts: int


class Proposals:
    """Live offers by up to 16 facts, price, delivery, category and quantity."""

    def __init__(self, kind: Any, unit: str) -> None:
        """Begin with no offers, in an index of this class; asked for what is counted in one unit."""
        self.blocks = kind(_FIRST_FACT)
        self.unit = unit
        self.foreign = 0  # offers that are counted in another unit: their prices say nothing
        self._facts: dict[str, _Fact] = {}
        self._lost = False  # a fact found no column: names that are not held may be stated all the same
        self._never = -1  # a column in which no row states anything
        self._scale_min = _SCALE_MAX  # of any offer in that unit
        self._tax_max = 0

    def __len__(self) -> int:
        """Number of offers."""
        return len(self.blocks)

    def __contains__(self, name: bytes) -> bool:
        """Whether an offer of that digest is there."""
        return name in self.blocks

    def drop(self, name: bytes, offer: Offer) -> None:
        """Take out an offer that must be there."""
        self.blocks.drop(name)
        self.foreign -= offer.unit != self.unit

    def put(self, name: bytes, offer: Offer, tax_basis_points: int) -> None:
        """Add an offer with all that it states."""
        self.foreign += offer.unit != self.unit
        if offer.unit == self.unit:
            self._scale_min = min(self._scale_min, offer.unit_scale)
        self._tax_max = max(self._tax_max, tax_basis_points)
        for fact in offer.attributes:
            if fact.name not in self._facts:
                self._hold(fact.name, fact.value)
        cells = [UNSTATED] * self.blocks.columns
        cells[_DELIVERY] = offer.delivery_ms
        # One who names no commodity may mean any below the level that he names.
        exact = len(offer.category) == _CATEGORY_DIGITS
        cells[_CATEGORY] = int(offer.category) if exact else ANYTHING
        cells[_RATE], cells[_UNIT], cells[_LEAST], cells[_MOST] = self._trade(offer, tax_basis_points)
        for fact in offer.attributes:
            held = self._facts.get(fact.name)
            if held is not None:
                cells[held.column] = _cell(held, fact.value)
        self.blocks.put(name, cells[_RATE], cells)

    def question(self, need: Need, must: Sequence[Constraint] = ()) -> Question | None:
        """What to ask for a need, `must` left out where it surely fails; None when no row could tell."""
        if need.product_id or need.unit != self.unit:
            return None
        quantity = Quantity(need.quantity_steps, 10**need.unit_scale)
        # An offer that is not counted as finely is priced by another quantity than the need's.
        priced = quantity.steps * 10**self._scale_min % quantity.parts == 0
        slack_minor = (WHOLE_BASIS_POINTS + self._tax_max) // (2 * WHOLE_BASIS_POINTS) + 2 if priced else None
        low, high = need.category.ljust(_CATEGORY_DIGITS, "0"), need.category.ljust(_CATEGORY_DIGITS, "9")
        parts, rest = divmod(quantity.steps * _QUANTITY_PARTS, quantity.parts)
        conditions = [
            Condition(_CATEGORY, int(low), int(high)),
            Condition(_UNIT, 0, 0),
            Condition(_LEAST, high=min(parts + bool(rest), CELL_MAX)),
            Condition(_MOST, low=min(parts, CELL_MAX)),
            *self._conditions(need.must, strict=False),
            *self._conditions(must, strict=True),
        ]
        wishes, spare = [], 0
        for wish in need.prefer:
            found = self._wish(wish, quantity, slack_minor)
            if found is None:
                spare += wish.weight_millionths if self._may_be_stated(wish.attribute) else 0
            else:
                wishes.append(found)
        ask = Ask(tuple(conditions), tuple(wishes))
        return Question(ask=ask, quantity=quantity, spare=spare, slack_minor=slack_minor)

    def _hold(self, name: str, value: AttributeValue) -> None:
        if len(self._facts) == ATTRIBUTES_MAX:
            self._lost = True
        else:
            self._facts[name] = _Fact(self.blocks.widen(), value)

    def _may_be_stated(self, name: str) -> bool:
        return self._lost or name in self._facts or name == PRICE

    def _trade(self, offer: Offer, tax_basis_points: int) -> tuple[int, int, int, int]:
        """Cells of price, unit, least and most quantity."""
        if offer.unit != self.unit:
            return ANYTHING, 1, ANYTHING, ANYTHING
        whole = 10**offer.unit_scale
        total = offer.price_minor * whole * (WHOLE_BASIS_POINTS + tax_basis_points) * RATE_PARTS
        rate = total // (offer.price_base_steps * WHOLE_BASIS_POINTS)
        least, most = (
            offer.min_steps * _QUANTITY_PARTS // whole,
            -(-offer.max_steps * _QUANTITY_PARTS // whole),
        )
        return _within(rate), 0, _within(least), _within(most)

    def _conditions(self, must: Sequence[Constraint], *, strict: bool) -> Iterator[Condition]:
        for constraint in must:
            held = self._facts.get(constraint.attribute)
            if held is not None:
                if held.asked_for(constraint.values[0]):
                    yield _condition(held, constraint, strict=strict)
            elif not self._lost and not strict:
                if self._never < 0:
                    self._never = self.blocks.widen()
                yield Condition(self._never)

    def _wish(
        self, wish: Preference | Favourite, quantity: Quantity, slack_minor: int | None
    ) -> Line | OneOf | None:
        """The wish of the index that gives at least as many points; None when there is none."""
        weight = wish.weight_millionths
        if isinstance(wish, Preference) and wish.attribute == PRICE:
            return None if slack_minor is None else _price_line(wish, quantity, slack_minor)
        if isinstance(wish, Preference) and wish.attribute == DELIVERY:
            return _line(_DELIVERY, weight, wish.worst.steps, wish.ideal.steps - wish.worst.steps, 1)
        held = self._facts.get(wish.attribute)
        if held is None or not held.asked_for(wish.values[0] if isinstance(wish, Favourite) else wish.ideal):
            return None
        if isinstance(wish, Favourite):
            values = _values(held, wish.values)
            return OneOf(held.column, weight, values or (_NEVER_HELD,))
        scale = max(held.scale, wish.ideal.scale, wish.worst.scale)
        ideal, worst = (end.steps * 10 ** (scale - end.scale) for end in (wish.ideal, wish.worst))
        return _line(held.column, weight, worst, ideal - worst, 10 ** (scale - held.scale))


def _within(number: int) -> int:
    return number if number <= CELL_MAX else ANYTHING


def _unit(value: AttributeValue) -> str:
    return value.unit if isinstance(value, ScaledInteger) else ""


def _cell(held: _Fact, value: AttributeValue) -> int:
    """What an offer states, as the column has it."""
    if kind_of(value) is not kind_of(held.like):
        return OTHERWISE
    if _unit(value) != _unit(held.like):
        return UNSTATED  # another unit tells nothing of the one that is asked for
    number = _number(held, value)
    return ANYTHING if number is None else number


def _number(held: _Fact, value: AttributeValue) -> int | None:
    """A value in whole steps of the column; None when it is no number of them, or beyond a cell."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, str):
        return int.from_bytes(digest(value.encode())[:8], "big") >> 3  # nobody finds two names of one number
    if value.scale <= held.scale:
        number = value.steps * 10 ** (held.scale - value.scale)
    else:
        number, rest = divmod(value.steps, 10 ** (value.scale - held.scale))
        if rest:
            return None
    return number if -CELL_MAX < number < CELL_MAX else None


def _values(held: _Fact, values: Sequence[AttributeValue]) -> tuple[int, ...]:
    numbers = (_number(held, value) for value in values)
    return tuple(number for number in numbers if number is not None)


def _condition(held: _Fact, constraint: Constraint, *, strict: bool) -> Condition:
    comparison, (low, high) = constraint.comparison, _FULL_RANGE
    limit = constraint.values[0]
    if comparison in (Comparison.AT_LEAST, Comparison.AT_MOST):
        assert isinstance(limit, ScaledInteger), "only numbers have an order"
        scale = max(held.scale, limit.scale)
        steps, coarser = limit.steps * 10 ** (scale - limit.scale), 10 ** (scale - held.scale)
        if comparison is Comparison.AT_LEAST:
            low = min(max(-(-steps // coarser), -CELL_MAX), CELL_MAX)
        else:
            high = min(max(steps // coarser, -CELL_MAX), CELL_MAX)
        return Condition(held.column, low, high, strict=strict)
    values, but = _values(held, constraint.values), comparison is Comparison.NONE_OF
    if not values and not but:
        low, high = _NO_CELL
    return Condition(held.column, low, high, values, but=but and bool(values), strict=strict)


def _price_line(wish: Preference, quantity: Quantity, slack_minor: int) -> Line | None:
    """A wish for a total as one for the price of a whole unit."""
    down = wish.ideal.steps < wish.worst.steps
    worst = wish.worst.steps + (slack_minor if down else -slack_minor)
    parts = RATE_PARTS * quantity.parts
    # A rate is cut off, so that one above it may be meant.
    begin = worst * parts - (0 if down else quantity.steps)
    return _line(
        _RATE, wish.weight_millionths, begin, (wish.ideal.steps - wish.worst.steps) * parts, quantity.steps
    )


def _line(column: int, weight: int, worst: int, span: int, parts: int) -> Line | None:
    """A line whose ends are `parts`-ths of steps, rounded so that no cell gets fewer points."""
    if span > 0:
        begin, length = worst // parts, max(span // parts, 1)
    else:
        begin, length = -(-worst // parts), -max(-span // parts, 1)
    if not all(-CELL_MAX <= end <= CELL_MAX for end in (begin, begin + length)):
        return None
    return Line(column, weight, begin, length)
