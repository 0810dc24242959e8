"""An owner: a person or company that things act for, with the key that says what they may do."""

import asyncio
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from thingmarket.audit.commitments import SALT_BYTES, commit
from thingmarket.contract.approvals import AgreeToCosign, check_agree_to_cosign
from thingmarket.contract.orders import (
    Erase,
    FundRequest,
    RetentionClass,
    SealedRef,
    check_fund_request,
)
from thingmarket.contract.personas import Persona, SetPersona, check_set_persona
from thingmarket.errors import Code, Refusal
from thingmarket.identity.cards import NodeCard
from thingmarket.identity.envelope import Signed, TypeId, sign
from thingmarket.identity.mandates import Action, Approval, Autonomy, BoundItem, SpendingLimit
from thingmarket.identity.parties import NONCE_BYTES
from thingmarket.identity.scopes import EVERYTHING, Scope
from thingmarket.ids import Digest, Key, PartyId
from thingmarket.limits import HOUR_MS
from thingmarket.market.views import MoneyBalance, SpendingView
from thingmarket.wire import identity, trade
from thingmarket.wire.approvals import agree_to_cosign_body, set_persona_body
from thingmarket.wire.inbox import PendingSeen
from thingmarket.wire.trust import read_lower_autonomy
from thingmarket_client.books import BookKeeping
from thingmarket_client.errors import RefusedByNode
from thingmarket_client.keystore import OwnerKeys, create_owner_keys, load_owner_keys, save_owner_keys
from thingmarket_client.mandates import LIFE_MS, root_link
from thingmarket_client.outbox import Answer, Letter, Outbox, SealedPart
from thingmarket_client.owned_things import OwnedThings
from thingmarket_client.session.session import PATIENCE_MS, Caller
from thingmarket_client.trader import OUTBOX_FILE


def create_owner(home: Path, network_id: bytes) -> PartyId:
    """Make an owner of a network in a new folder and return his id."""
    keys = OwnerKeys.made(network_id=network_id, now_ms=time.time_ns() // 1_000_000)
    create_owner_keys(home, keys)
    return keys.id


class Owner(OwnedThings, BookKeeping):
    """An owner at his node: `async with await Owner.open(home, card) as owner`."""

    def __init__(
        self,
        home: Path,
        outbox: Outbox,
        keys: OwnerKeys,
        card: NodeCard,
        patience_ms: int = PATIENCE_MS,
    ) -> None:
        """Use `Owner.open`."""
        caller = Caller(party=keys.id, key=keys.signing_key, key_event=keys.key_event)
        super().__init__(home, outbox, card, caller, patience_ms)
        self._keys = keys
        self._revoked_ms: dict[PartyId, int] = {}

    @staticmethod
    async def open(home: Path, card: NodeCard | None = None, *, patience_ms: int = PATIENCE_MS) -> "Owner":
        """Open the owner of a folder; a new card is kept there (UnsafeFile, WRONG_NETWORK)."""

        def opened() -> tuple[OwnerKeys, NodeCard, Outbox]:
            keys = load_owner_keys(home)
            used = card or keys.card
            if used is None:
                raise Refusal(Code.BAD_FIELD, "this owner knows no node yet: open it with a node card")
            if used.key_event.network_id != keys.network_id:
                raise Refusal(Code.WRONG_NETWORK, "the node of this card is of another network")
            keys = replace(keys, card=used)
            if card is not None:
                save_owner_keys(home, keys)
            return keys, used, Outbox(home / OUTBOX_FILE)

        keys, used, outbox = await asyncio.to_thread(opened)
        return Owner(home, outbox, keys, used, patience_ms)

    @property
    def epoch(self) -> int:
        """The epoch of new mandates; those of older ones are dead."""
        return self._keys.epoch

    async def admit(self) -> None:
        """Become known to the node; again does no harm."""
        event = self._keys.key_event
        await self._once(TypeId.ADMIT_PARTY, lambda key: identity.admit_party_body(key, event))

    async def fund(self, currency: str, minor: int, *, key: Key | None = None) -> Answer:
        """Ask the operator's payment rail for money, minor units; with the same key only once."""
        key = key or self.new_key()
        request = FundRequest(key=key, currency=currency, amount_minor=minor)
        check_fund_request(request)
        return await self._tell(TypeId.FUND_REQUEST, key, trade.fund_request_body(request))

    # --- authority

    def mandate(
        self,
        subject: PartyId,
        autonomy: Autonomy,
        *,
        actions: Sequence[Action] | None = None,
        items: Sequence[BoundItem] = (),
        categories: Scope = EVERYTHING,
        counterparties: Scope = EVERYTHING,
        nodes: Scope = EVERYTHING,
        limits: Sequence[SpendingLimit] = (),
        life_ms: int = LIFE_MS,
        max_depth: int | None = None,
        **terms: Any,
    ) -> Signed:
        """A signed mandate for a thing, which it adopts and presents; see `mandates` for the parts.

        ANNOUNCER needs nothing more, BOUND its items and limits, the others limits. Nothing may be spent
        without a limit in the currency. `terms` are further fields of `Mandate`.
        """
        return root_link(
            self._keys.signing_key,
            owner=self.id,
            subject=subject,
            network_id=self._keys.network_id,
            autonomy=autonomy,
            not_before_ms=self._valid_from_ms(subject),
            actions=actions,
            items=items,
            categories=categories,
            counterparties=counterparties,
            nodes=nodes,
            limits=limits,
            life_ms=life_ms,
            max_depth=max_depth,
            epoch=self.epoch,
            **terms,
        )

    def _valid_from_ms(self, subject: PartyId) -> int:
        """From now on, by the node's clock: what is not younger than a revocation would be dead. [MAN-8]"""
        return max(self.session.least_now_ms, self._revoked_ms.get(subject, 0) + 1)

    async def revoke(
        self, *, mandate: bytes | None = None, subject: PartyId | None = None, reason: str = ""
    ) -> None:
        """End one link with all below it, or all mandates of a thing."""
        link = None if mandate is None else Digest(mandate)
        answer = await self._once(
            TypeId.REVOKE,
            lambda key: identity.revoke_body(key, mandate=link, subject=subject, epoch=None, reason=reason),
        )
        if subject is not None and answer is not None and answer.receipt is not None:
            self._revoked_ms[subject] = answer.receipt.time_ms

    async def revoke_all(self, reason: str = "") -> None:
        """End every mandate that was ever given, by a new epoch."""
        epoch = self.epoch + 1
        await self.post.send(
            TypeId.REVOKE,
            lambda key: identity.revoke_body(key, mandate=None, subject=None, epoch=epoch, reason=reason),
        )

    async def inbox(self) -> tuple[PendingSeen, ...]:
        """Orders that wait for this owner's word, oldest first; each is what its buyer signed."""
        return await self.waiting.inbox()

    async def approve(self, order: PendingSeen, reason: str = "") -> PendingSeen:
        """Say yes to an order that was read; what it came to with that. [COS-6]"""
        return await self.speak(order, approved=True, reason=reason)

    async def reject(self, order: PendingSeen, reason: str = "") -> PendingSeen:
        """Say no to it: one no is enough."""
        return await self.speak(order, approved=False, reason=reason)

    async def agree_to_cosign(self, owner: PartyId, *, agreed: bool = True) -> None:
        """Agree to be asked about the orders of an owner who names him a cosigner; or no more. [COS-13]"""

        def body(key: Key) -> bytes:
            word = AgreeToCosign(key=key, owner=owner, agreed=agreed)
            check_agree_to_cosign(word)
            return agree_to_cosign_body(word)

        await self.post.send(TypeId.AGREE_TO_COSIGN, body)

    async def set_persona(self, thing: PartyId, persona: Persona, channels: bytes = b"") -> None:
        """Say how a thing and those who approve for it are to treat him; an empty one takes it back.

        `channels` says how they are reached; it is sealed, only its commitment stands in the log. [PER-4]
        """
        key = self.new_key()
        sealed: tuple[SealedPart, ...] = ()
        if channels:
            part = SealedPart(
                salt=secrets.token_bytes(SALT_BYTES), data=channels, retention=RetentionClass.CONSENT
            )
            commitment = SealedRef(commit(part.salt, part.data), RetentionClass.CONSENT)
            persona, sealed = replace(persona, channels=commitment), (part,)
        wishes = SetPersona(key=key, thing=thing, persona=persona)
        check_set_persona(wishes)
        letter = Letter(key=key, type_id=TypeId.SET_PERSONA, body=set_persona_body(wishes))
        (await self.post.deliver(letter, sealed)).made()

    def sign_approval(
        self, body_digest: bytes, leaf: bytes, *, approved: bool = True, life_ms: int = HOUR_MS
    ) -> Signed:
        """A signed yes (or no) to one order that was not sent yet; the order names body and mandate."""
        approval = Approval(
            network_id=self._keys.network_id,
            body_digest=Digest(body_digest),
            mandate_leaf=Digest(leaf),
            owner=self.id,
            approved=approved,
            expires_ms=self.session.now_ms + life_ms,
            nonce=secrets.token_bytes(NONCE_BYTES),
        )
        return sign(TypeId.APPROVAL, identity.approval_payload(approval), self._keys.signing_key)

    async def balances(self) -> tuple[MoneyBalance, ...]:
        """His money, by currency."""
        return await self.reads.balances()

    async def spending(self, mandate: bytes) -> SpendingView:
        """What was spent under a mandate that he gave."""
        return await self.reads.spending(mandate)

    async def erase(self) -> None:
        """Have the vault forget what it may forget of him."""
        await self.post.send(TypeId.ERASE, lambda key: trade.erase_body(Erase(key=key)))

    async def _once(self, type_id: TypeId, make_body: Callable[[Key], bytes]) -> Answer | None:
        """Send what is fine when it was so already; then there is no answer of ours."""
        try:
            return await self.post.send(type_id, make_body)
        except RefusedByNode as refusal:
            if refusal.number != Code.ALREADY_KNOWN:
                raise
        return None

    def _answered(self, letter: Letter, answer: Answer) -> None:
        super()._answered(letter, answer)
        if letter.type_id == TypeId.LOWER_AUTONOMY and not answer.code and answer.receipt is not None:
            # A mandate signed in the same moment would be lowered with the others. [TRU-1]
            self._revoked_ms[read_lower_autonomy(letter.body).thing] = answer.receipt.time_ms
        if letter.type_id != TypeId.REVOKE or answer.code:
            return
        epoch = identity.read_revoke(letter.body).epoch
        if epoch is not None and epoch > self._keys.epoch:
            keys = replace(self._keys, epoch=epoch)
            save_owner_keys(self.home, keys)
            self._keys = keys
