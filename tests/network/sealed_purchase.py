"""Purchases whose delivery details are sealed, by the raw client."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from tests.network.raw_client import SUBMIT, Answer, Session
from tests.network.small_market import SmallMarket
from thingmarket.audit.commitments import SALT_BYTES, commit
from thingmarket.contract.orders import RetentionClass, SealedRef
from thingmarket.identity.envelope import TypeId
from thingmarket.v1 import market_service_pb2, trade_pb2
from thingmarket.wire.envelope import signed_message


@dataclass(frozen=True, slots=True)
class Sealed:
    """Bytes with the salt of their commitment."""

    salt: bytes
    data: bytes
    retention: RetentionClass

    @property
    def commitment(self) -> bytes:
        return commit(self.salt, self.data)


def sealed(details: Mapping[RetentionClass, bytes]) -> tuple[Sealed, ...]:
    """Seal each of the details under a fresh salt."""
    return tuple(
        Sealed(secrets.token_bytes(SALT_BYTES), data, retention) for retention, data in details.items()
    )


def sealed_purchase(
    market: SmallMarket, details: Mapping[RetentionClass, bytes] | None = None
) -> tuple[bytes, tuple[Sealed, ...]]:
    """The body of a purchase and the parts that go with it."""
    parts = sealed(details or {RetentionClass.CONTRACT: b"the door at the back"})
    refs = tuple(SealedRef(part.commitment, part.retention) for part in parts)
    return market.purchase(delivery=refs), parts


def send_sealed(
    market: SmallMarket, body: bytes, parts: tuple[Sealed, ...], buyer: Session | None = None
) -> Answer:
    """Hand both over in a new header."""
    buyer = buyer or market.printer
    command = market.client.command(buyer, TypeId.PURCHASE, body)
    request = market_service_pb2.SubmitRequest(
        command=signed_message(command),
        sealed_parts=[
            market_service_pb2.SealedPart(
                salt=part.salt,
                data=part.data,
                retention=trade_pb2.RetentionClass.ValueType(part.retention),
            )
            for part in parts
        ],
    )
    return market.client.call(SUBMIT, request, token=buyer.token)
