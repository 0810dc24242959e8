"""What the vault forgets: sealed parts of orders that came to nothing, when nobody needs them. [COS-12]"""

from collections.abc import Iterable, Iterator

from thingmarket.contract.approvals import PendingOrder
from thingmarket.ids import digest
from thingmarket.limits import COMMAND_LIFE_MS
from thingmarket.market.state import State
from thingmarket.wire.trade import purchase_body
from thingmarket_node.core.messages import ForgetSealed


def forgettings(state: State, orders: Iterable[PendingOrder]) -> tuple[ForgetSealed, ...]:
    """What may be forgotten of these orders, as the market is now."""
    ended = [
        ForgetSealed(
            tuple(sealed.commitment for sealed in order.purchase.delivery), order.asked_ms - COMMAND_LIFE_MS
        )
        for order in orders
        if order.purchase.delivery and not order.waits and not order.contract and _is_alone(order)
    ]
    return tuple(unneeded(state, ended))


def unneeded(state: State, forgettings: Iterable[ForgetSealed]) -> Iterator[ForgetSealed]:
    """The same without the parts that another order, or a contract, needs by now."""
    for one in forgettings:
        left = tuple(name for name in one.commitments if name not in state.sealed_uses)
        if left:
            yield ForgetSealed(left, one.since_ms)


def _is_alone(order: PendingOrder) -> bool:
    """Whether the buyer signed this purchase itself: parts of a standing order serve its next times, too."""
    return order.body_digest == digest(purchase_body(order.purchase))
