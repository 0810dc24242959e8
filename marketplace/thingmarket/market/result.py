"""What a handler hands back when it does not refuse."""

from dataclasses import dataclass

from thingmarket.market.entries import Notice
from thingmarket.policy.decision import Decision
from thingmarket.values import quick


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What was made, why it was allowed, and who is told."""

    reference: bytes = b""
    decision: Decision | None = None
    notices: tuple[Notice, ...] = ()
    pending: bool = False
    statuses: bytes = b""
