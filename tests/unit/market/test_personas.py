"""How an owner wants to be treated by a thing: quiet hours, who is asked, how long he needs."""

from typing import Any

import pytest

from tests.builders import World, limit
from thingmarket.contract.orders import RetentionClass, SealedRef
from thingmarket.contract.personas import Persona
from thingmarket.errors import Code, Refusal
from thingmarket.identity.terms import WeeklyWindow
from thingmarket.ids import PartyId
from thingmarket.limits import APPROVAL_LATENCY_MS_MAX, DAY_MS, HOUR_MS
from thingmarket.market.entries import NoticeKind

EVERY_DAY = 0b1111111
AFTERNOON = WeeklyWindow(days_mask=EVERY_DAY, start_minute=13 * 60, end_minute=18 * 60)


class Home(World):
    """Alice's printer asks her above 20.00 and waits an hour; the world begins at noon UTC."""

    def __init__(self) -> None:
        super().__init__()
        self.alice, self.ada = self.owner("alice", fund=500_00), self.owner("ada")
        self.shop = self.thing("shop", self.owner("bob"))
        self.ink = self.offer(self.shop)
        self.agree_to_cosign(self.ada, self.alice)
        self.printer = self.printer_with()

    def printer_with(self, **permits: Any) -> Any:
        wishes: dict[str, Any] = {"cosigners": (self.ada.id,), "cosign_ttl_ms": 2 * HOUR_MS, **permits}
        return self.thing("printer", self.alice, limits=(limit(cosign_above_minor=20_00),), **wishes)

    def waits_ms(self) -> int:
        return self.pending(self.asked(self.printer, self.ink, 5)).deadline_ms - self.time_ms


def test_quiet_hours_do_not_count_toward_the_deadline() -> None:  # [PER-3]
    world = Home()
    assert world.waits_ms() == 2 * HOUR_MS
    assert world.persona(world.alice, world.printer, quiet=(AFTERNOON,)).code == 0
    assert world.waits_ms() == 7 * HOUR_MS
    assert world.persona(world.alice, world.printer).code == 0  # an empty one takes the wishes away
    assert world.waits_ms() == 2 * HOUR_MS and not world.state.personas


def test_quiet_hours_never_outlast_the_offer_or_the_mandate() -> None:  # [PER-3] [COS-9]
    world = Home()
    assert world.persona(world.alice, world.printer, quiet=(AFTERNOON,)).code == 0
    world.ink = world.offer(world.shop, valid_until_ms=world.time_ms + 3 * HOUR_MS)
    assert world.waits_ms() == 3 * HOUR_MS
    world.printer = world.printer_with(life_ms=90 * 60_000)
    assert world.waits_ms() == 90 * 60_000


def test_wishes_for_one_thing_are_not_those_for_another() -> None:  # [PER-1]
    world = Home()
    oven = world.thing("oven", world.alice)
    assert world.persona(world.alice, oven, quiet=(AFTERNOON,)).code == 0
    assert world.persona(world.ada, world.printer, quiet=(AFTERNOON,)).code == 0  # it is not hers
    assert world.waits_ms() == 2 * HOUR_MS


def test_the_usual_time_is_told_and_skips_the_quiet_hours() -> None:  # [PER-2]
    world = Home()
    wishes = {"quiet": (AFTERNOON,), "approval_latency_ms": 90 * 60_000}
    assert world.persona(world.alice, world.printer, **wishes).code == 0
    order = world.pending(world.asked(world.printer, world.ink, 5))
    assert order.usual_ms == world.time_ms + 6 * HOUR_MS + HOUR_MS // 2


def test_only_the_approvers_wished_for_are_asked_and_a_quorum_asks_all() -> None:  # [PER-1]
    world = Home()
    assert world.persona(world.alice, world.printer, approvers=(world.ada.id,)).code == 0
    outcome = world.buy(world.printer, world.ink, 5)
    order = world.pending(outcome.reference)
    assert order.asked == (world.ada.id,) and set(order.cosigners) == {world.alice.id, world.ada.id}
    told = {notice.owner for notice in outcome.notices if notice.kind is NoticeKind.APPROVAL}
    assert told == {world.alice.id, world.ada.id}
    assert world.approve(world.alice, order.id).code == 0  # whoever is asked, the owner may
    world.printer = world.printer_with(cosign_quorum=2)
    order = world.pending(world.asked(world.printer, world.ink, 5))
    assert set(order.asked) == {world.alice.id, world.ada.id}


def test_a_persona_permits_nothing() -> None:  # [PER-1]
    world = Home()
    eve = world.owner("eve")
    assert world.persona(world.alice, world.printer, approvers=(eve.id,)).code == 0
    pending = world.asked(world.printer, world.ink, 5)
    assert world.approve(eve, pending).code == Code.UNKNOWN_ENTRY


def test_only_an_owner_says_how_he_wants_to_be_treated() -> None:  # [PER-1]
    world = Home()
    for by in (world.printer, world.operator):
        assert world.persona(by, world.printer).code == Code.NOT_PERMITTED
    unknown = world.alice.id[:-1] + ("1" if world.alice.id[-1] != "1" else "2")
    assert world.persona(world.alice, world.printer, approvers=(world.alice.id,)).code == 0
    assert world.persona(world.alice, world.printer, approvers=(PartyId(unknown),)).code == Code.UNKNOWN_PARTY


SEALED = bytes(32)


@pytest.mark.parametrize(
    ("wishes", "code"),
    [
        ({"quiet": (WeeklyWindow(days_mask=EVERY_DAY, start_minute=0, end_minute=1440),)}, Code.BAD_FIELD),
        ({"quiet": (AFTERNOON, AFTERNOON)}, Code.BAD_FIELD),
        ({"approval_latency_ms": APPROVAL_LATENCY_MS_MAX + 1}, Code.OUT_OF_RANGE),
        ({"approval_latency_ms": -1}, Code.OUT_OF_RANGE),
        ({"cancel_window_ms": 15 * DAY_MS}, Code.OUT_OF_RANGE),
        ({"channels": SealedRef(SEALED, RetentionClass.TAX)}, Code.BAD_FIELD),
    ],
)
def test_wishes_that_are_none_are_refused(wishes: dict[str, Any], code: Code) -> None:  # [PER-1] [PER-4]
    world = Home()
    with pytest.raises(Refusal) as caught:  # while the bytes are read: they never become an entry
        world.persona(world.alice, world.printer, **wishes)
    assert caught.value.number == code


def test_how_approvers_are_reached_is_a_commitment_only() -> None:  # [PER-4] [PRI-1]
    world = Home()
    channels = SealedRef(SEALED, RetentionClass.CONSENT)
    assert world.persona(world.alice, world.printer, channels=channels, cancel_window_ms=DAY_MS).code == 0
    kept = world.state.personas[world.alice.id, world.printer.id]
    assert kept == Persona(channels=channels, cancel_window_ms=DAY_MS)
