"""A group record proves itself, and its place in the chain."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.chains import verify_chain
from thingmarket.errors import Code, Refusal
from thingmarket.limits import ENTRY_BYTES_MAX, GROUP_ENTRIES_MAX
from thingmarket_node.groups import EMPTY, NO_HASH, Group, Head, decode


def group(head: Head = EMPTY, entries: Sequence[bytes] = (b"one", b"two")) -> Group:
    return Group(
        number=head.number + 1,
        first_seq=head.next_seq,
        entries=tuple(entries),
        outcome_hash=b"o" * 32,
        state_root=b"s" * 32,
        previous=head.chain,
    )


def chain(length: int) -> list[Group]:
    groups: list[Group] = []
    for _ in range(length):
        groups.append(group(Head.at(groups[-1]) if groups else EMPTY))
    return groups


def refused(data: bytes) -> bool:
    try:
        decode(data)
    except Refusal as refusal:
        return refusal.number == Code.TAMPERED
    return False


@given(
    entries=st.lists(st.binary(min_size=1, max_size=300), min_size=1, max_size=20),
    number=st.integers(1, 2**63 - 1),
    first_seq=st.integers(1, 2**62 - 1),
    hashes=st.lists(st.binary(min_size=32, max_size=32), min_size=3, max_size=3),
)
def test_a_group_survives_encoding(
    entries: list[bytes], number: int, first_seq: int, hashes: list[bytes]
) -> None:
    before = Group(
        number=number,
        first_seq=first_seq,
        entries=tuple(entries),
        outcome_hash=hashes[0],
        state_root=hashes[1],
        previous=hashes[2],
    )
    after = decode(before.encode())
    assert after == before
    assert after.chain == before.chain
    assert after.last_seq - first_seq == len(entries) - 1


def test_the_largest_group_survives_encoding() -> None:
    largest = group(entries=[b"x" * 1024] * GROUP_ENTRIES_MAX)
    assert decode(largest.encode()) == largest
    assert decode(group(entries=[b"y" * ENTRY_BYTES_MAX]).encode()).entries[0] == b"y" * ENTRY_BYTES_MAX


def test_every_truncation_is_refused() -> None:
    data = group().encode()
    assert all(refused(data[:length]) for length in range(len(data)))


def test_every_flipped_bit_is_refused() -> None:
    data = group().encode()
    for bit in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        assert refused(bytes(flipped)), bit


@given(tail=st.binary(min_size=1, max_size=600))
def test_a_lengthened_record_is_refused(tail: bytes) -> None:
    assert refused(group().encode() + tail)


@given(data=st.binary(max_size=600))
def test_noise_is_refused(data: bytes) -> None:
    assert refused(data)
    assert refused(b"TMGROUP\x01" + data)


@given(cut=st.integers(1, 5_000), old=st.binary(min_size=1, max_size=64))
def test_a_torn_tail_over_old_disk_content_is_refused(cut: int, old: bytes) -> None:
    data = group(entries=[b"entry %d" % each for each in range(400)]).encode()
    kept = len(data) - min(cut, len(data) - 1)
    torn = data[:kept] + (old * len(data))[: len(data) - kept]
    assert torn == data or refused(torn)


def test_the_chain_hash_covers_every_field() -> None:
    first = group()
    others = [
        replace(first, number=2),
        replace(first, first_seq=2),
        replace(first, entries=(b"onet", b"wo")),
        replace(first, outcome_hash=NO_HASH),
        replace(first, state_root=NO_HASH),
        replace(first, previous=b"p" * 32),
    ]
    assert len({each.chain for each in [first, *others]}) == 7


def test_a_chain_verifies_and_names_its_head() -> None:
    groups = chain(5)
    assert verify_chain(groups) == Head(5, 11, groups[-1].chain)
    assert verify_chain(groups[3:], Head.at(groups[2])) == Head.at(groups[4])
    assert verify_chain([]) == EMPTY


def test_a_gap_an_overlap_and_an_exchange_break_the_chain() -> None:
    groups = chain(4)
    foreign = replace(groups[1], outcome_hash=b"x" * 32)
    overlapping = replace(groups[2], first_seq=groups[2].first_seq - 1)
    for broken in (
        [groups[0], groups[2]],
        [groups[0], groups[0]],
        [groups[1], groups[0]],
        [groups[0], foreign, groups[2]],
        [*groups[:2], overlapping],
    ):
        with pytest.raises(Refusal) as refusal:
            verify_chain(broken)
        assert refusal.value.number == Code.TAMPERED


def test_a_group_outside_the_limits_is_a_bug() -> None:
    for wrong in ([], [b""], [b"x" * (ENTRY_BYTES_MAX + 1)], [b"x"] * (GROUP_ENTRIES_MAX + 1)):
        with pytest.raises(AssertionError):
            group(entries=wrong)
