"""Who said yes or no to an order that needs it: the owner, and whom he named. [MAN-9]"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from thingmarket.identity.effective import EffectiveMandate
from thingmarket.identity.mandates import Approval
from thingmarket.ids import PartyId
from thingmarket.time import UnixMs


@dataclass(frozen=True, slots=True, kw_only=True)
class Cosign:
    """What was said about this very order; `void` when a word was of something else or came too late.

    Names of others than the owner and the mandate's cosigners do not count; nor does a name twice.
    """

    approved: tuple[PartyId, ...] = ()
    rejected: tuple[PartyId, ...] = ()
    void: bool = False


NOBODY_SPOKE: Final = Cosign()


def cosign_of(
    approvals: Iterable[Approval], mandate: EffectiveMandate, *, body_digest: bytes, time_ms: UnixMs
) -> Cosign:
    """Sort signed approvals into yes, no, and what is no answer to this order under this mandate."""
    approved, rejected, void = [], [], False
    for approval in approvals:
        if not _is_for(approval, mandate, body_digest, time_ms):
            void = True
        elif approval.approved:
            approved.append(approval.owner)
        else:
            rejected.append(approval.owner)
    return Cosign(approved=tuple(approved), rejected=tuple(rejected), void=void)


def may_cosign(mandate: EffectiveMandate, party: PartyId) -> bool:
    """Tell whether this party's word counts: the owner always may, others when every link names them."""
    return party == mandate.root_owner or party in mandate.cosigners


def yeses(cosign: Cosign, mandate: EffectiveMandate) -> tuple[PartyId, ...]:
    """Those who said yes and may, each once, in the order in which they did."""
    return tuple(dict.fromkeys(party for party in cosign.approved if may_cosign(mandate, party)))


def _is_for(approval: Approval, mandate: EffectiveMandate, body_digest: bytes, time_ms: UnixMs) -> bool:
    return (
        approval.body_digest == body_digest
        and approval.mandate_leaf == mandate.leaf
        and may_cosign(mandate, approval.owner)
        and approval.network_id == mandate.network_id
        and approval.counts_at(time_ms)
    )
