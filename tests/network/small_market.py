"""A node with two owners, a shop and a printer, as the tests of hard cases and the fuzz find it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import grpc

from tests.network.node_process import NodeProcess
from tests.network.raw_client import Answer, RawClient, Session, offer_body, purchase_body
from thingmarket.errors import Code
from thingmarket.identity.envelope import TypeId

PLENTY_MINOR = 1_000_000_00


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallMarket:
    """A shop that sells ink, and a printer whose owner has money."""

    node: NodeProcess
    client: RawClient
    seller: Session  # owner
    shop: Session  # his thing
    buyer: Session  # owner
    printer: Session  # his thing
    offer: bytes

    @classmethod
    def open(cls, node: NodeProcess, client: RawClient) -> Self:
        """Admit everybody and put the ink on the shelf."""
        seller, buyer = client.owner(), client.owner(PLENTY_MINOR)
        shop, printer = client.thing(seller), client.thing(buyer)
        return cls(
            node=node,
            client=client,
            seller=seller,
            shop=shop,
            buyer=buyer,
            printer=printer,
            offer=client.made(shop, TypeId.PUBLISH_OFFER, offer_body()),
        )

    def purchase(self, **changes: Any) -> bytes:
        """The body of a purchase that would be good but for `changes`."""
        return purchase_body(self.offer, **changes)

    def buy(self, **changes: Any) -> Answer:
        """A purchase that is right but for `changes` of its header (or its key, or its approvals)."""
        return self.client.send(self.printer, TypeId.PURCHASE, self.purchase(), **changes)

    def refused(self, code: Code, ask: Callable[..., Answer], /, *arguments: Any, **how: Any) -> Answer:
        """What is asked is refused with `code`, changes nothing in the market, and the node serves on."""
        before = self.look()
        answered = ask(*arguments, **how)
        assert answered.code == code, f"{answered} instead of {code.name}"
        assert answered.status.name == code.grpc_status
        self.check_unharmed(before)
        return answered

    def cut_off(
        self, status: grpc.StatusCode, ask: Callable[..., Answer], /, *arguments: Any, **how: Any
    ) -> Answer:
        """The same for what gRPC itself refuses, before a line of ours sees it."""
        before = self.look()
        answered = ask(*arguments, **how)
        assert (answered.status, answered.detail) == (status, None), answered
        self.check_unharmed(before)
        return answered

    def look(self) -> tuple[bytes, int]:
        """What no refused message may change: the root over all effects, and what the node complains of."""
        return self.client.status().effects_root, len(self.node.trouble)

    def check_unharmed(self, before: tuple[bytes, int]) -> None:
        """The market is as it was at that `look`, and the node is well."""
        assert self.look() == before, self.node.trouble[before[1] :] or "a refused message changed the market"
        assert self.client.is_serving()
