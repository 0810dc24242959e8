"""The shell performs what the core says, in the order in which it says it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.network.raw_client import new_key, offer_body
from tests.unit.node.shells import Alice, CountingRail, opened_shell
from thingmarket.contract.orders import FundRequest
from thingmarket.errors import Code, Refusal
from thingmarket.identity.envelope import TypeId
from thingmarket.limits import INTEGER_MAX
from thingmarket.wire.trade import fund_request_body
from thingmarket_node.core import messages as m
from thingmarket_node.shell import Shell


@pytest.fixture
def rail() -> CountingRail:
    return CountingRail()


@pytest.fixture
async def shell(tmp_path: Path, rail: CountingRail) -> AsyncIterator[Shell]:
    async with opened_shell(tmp_path, rail) as opened:
        yield opened


async def test_a_group_of_one_step_is_written_before_that_of_the_next(shell: Shell) -> None:
    """Money is collected at once, which is a step of its own inside of the one that formed a group."""
    alice = Alice(shell)
    await alice.arrive()
    wish = FundRequest(key=new_key(), currency="EUR", amount_minor=1_00)
    deposit, offer = await asyncio.gather(
        alice.send(TypeId.FUND_REQUEST, fund_request_body(wish)),
        alice.send(TypeId.PUBLISH_OFFER, offer_body()),
    )
    assert sorted((deposit.seq, offer.seq)) == [3, 4]
    assert not shell.fatal.done()


async def test_one_wish_for_money_is_paid_once_however_often_it_comes_at_once(
    shell: Shell, rail: CountingRail
) -> None:
    """[SET-2] Copies that overtake the deposit of the first must not be collected as well."""
    alice = Alice(shell)
    await alice.arrive()
    wish = fund_request_body(FundRequest(key=new_key(), currency="EUR", amount_minor=1_00))
    copies = (alice.send(TypeId.FUND_REQUEST, wish) for _ in range(5))
    answers = await asyncio.gather(*copies, return_exceptions=True)
    assert rail.collected_minor == 1_00
    made = [answer for answer in answers if isinstance(answer, m.Accepted)]
    others = [answer for answer in answers if not isinstance(answer, m.Accepted)]
    assert made and all(isinstance(one, Refusal) and one.number == Code.BUSY for one in others)
    again = await alice.send(TypeId.FUND_REQUEST, wish)
    assert (again.seq, rail.collected_minor) == (made[0].seq, 1_00)
    assert not shell.fatal.done()


@pytest.mark.parametrize(
    ("currency", "amount_minor", "code"),
    [("USD", 1_00, Code.UNKNOWN_CURRENCY), ("EUR", INTEGER_MAX, Code.OUT_OF_RANGE)],
)
async def test_money_that_could_not_be_credited_is_not_collected(
    shell: Shell, rail: CountingRail, currency: str, amount_minor: int, code: Code
) -> None:  # [SET-2] [SET-6]
    alice = Alice(shell)
    await alice.arrive()
    first = FundRequest(key=new_key(), currency="EUR", amount_minor=1)
    await alice.send(TypeId.FUND_REQUEST, fund_request_body(first))
    wish = FundRequest(key=new_key(), currency=currency, amount_minor=amount_minor)
    with pytest.raises(Refusal) as refusal:
        await alice.send(TypeId.FUND_REQUEST, fund_request_body(wish))
    assert refusal.value.number == code
    assert rail.collected_minor == 1


async def test_a_reader_is_refused_once_what_refuses_him_is_durable(shell: Shell) -> None:
    """[LOG-5] A refusal tells what the state is, as an answer does."""
    alice = Alice(shell)
    await alice.arrive()
    assert alice.grant is not None
    sending = asyncio.create_task(alice.send(TypeId.PUBLISH_OFFER, offer_body()))
    while shell.core.state.seq == shell.core.durable_seq:
        await asyncio.sleep(0)
    seen = shell.core.state.seq

    def refuse(*_: object) -> None:
        raise Refusal(Code.UNKNOWN_OFFER, "no such offer")

    with pytest.raises(Refusal):
        await shell.read(alice.grant.token, refuse)
    assert shell.core.durable_seq >= seen
    await sending
