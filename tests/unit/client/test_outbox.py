"""Letters survive everything, and what was answered stays answered."""

import stat
from dataclasses import replace
from pathlib import Path

import pytest

from thingmarket.audit.receipts import Receipt
from thingmarket.errors import Code, Refusal
from thingmarket.identity.envelope import TypeId
from thingmarket.ids import Key, make_key
from thingmarket.limits import KEY_AGE_MS
from thingmarket.policy.decision import Decision, Fact, Verdict
from thingmarket.time import UnixMs
from thingmarket_client import outbox as module
from thingmarket_client.errors import FateUnknown, RefusedByNode
from thingmarket_client.outbox import Answer, Letter, LetterState, Outbox, SealedPart, answered

NOW = UnixMs(1_800_000_000_000)
RECEIPT = Receipt(
    seq=7, time_ms=NOW, leaf_hash=bytes(32), tree_size=9, proof=(bytes(32),), checkpoint=b"note"
)
PART = SealedPart(salt=bytes(32), data=b"canary of an address", retention=2)


def letter(number: int = 0, *, made_ms: int = NOW, body: bytes = b"body") -> Letter:
    key = make_key(UnixMs(made_ms), number.to_bytes(10, "big"))
    return Letter(
        key=key, type_id=TypeId.PURCHASE, body=body, mandate_leaf=b"leaf", approvals=(b"yes",), note=b"why"
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "outbox.db"


def test_a_letter_survives_a_restart_with_all_that_belongs_to_it(path: Path) -> None:
    first = Outbox(path)
    first.put(letter(), [PART])
    del first  # no close: as if the power went
    (posted,) = Outbox(path).waiting()
    assert (posted.letter, posted.sealed, posted.state) == (letter(), (PART,), LetterState.WAITING)


def test_an_answer_survives_a_restart_and_is_given_again(path: Path) -> None:
    decision = Decision(Verdict.ALLOW, ("LIM-1",), (Fact("budget", 5), Fact("word", "x")))
    answer = Answer(reference=b"contract", receipt=RECEIPT, decision=decision)
    first = Outbox(path)
    first.put(letter())
    first.answer(letter().key, answer, node="node", checkpoint=b"note")
    first.close()
    again = Outbox(path)
    assert answered(again.put(letter(body=b"another body under the same key"))) == answer
    assert again.waiting() == []
    assert again.checkpoint("node") == b"note" and again.checkpoint("other") == b""


def test_the_first_body_under_a_key_is_the_one_that_counts(path: Path) -> None:
    box = Outbox(path)
    box.put(letter(), [PART])
    posted = box.put(letter(body=b"salted anew"), [])
    assert (posted.letter.body, posted.sealed) == (b"body", (PART,))


def test_a_letter_that_was_answered_never_goes_out_again(path: Path) -> None:  # [COS-4]
    box = Outbox(path)
    bare = replace(letter(), approvals=())
    box.put(bare)
    box.answer(bare.key, Answer(reference=b"pending", pending=True))
    for again in (bare, letter()):
        posted = box.put(again)
        assert posted.state is LetterState.ANSWERED and posted.letter == bare
        assert posted.answer is not None and posted.answer.pending
    box.close()


def test_letters_wait_in_the_order_of_posting(path: Path) -> None:
    box = Outbox(path)
    for number in (3, 1, 2):
        box.put(letter(number))
    box.answer(letter(1).key, Answer())
    assert [posted.letter for posted in box.waiting()] == [letter(3), letter(2)]


def test_a_letter_older_than_a_day_is_of_unknown_fate_and_never_sent_again(path: Path) -> None:  # [ID-12]
    box = Outbox(path)
    old, fresh = letter(1, made_ms=NOW - KEY_AGE_MS - 1), letter(2, made_ms=NOW - KEY_AGE_MS)
    box.put(old, [PART])
    box.put(fresh)
    assert box.give_up_old(NOW) == [old]
    assert [posted.letter for posted in box.waiting()] == [fresh]
    with pytest.raises(FateUnknown) as caught:
        answered(box.put(old))
    assert caught.value.key == old.key
    assert box.give_up_old(NOW) == []


def test_a_stored_refusal_is_raised_with_its_evidence() -> None:
    answer = Answer(code=Code.DENIED, reason="no", rule="AUT-0", receipt=RECEIPT)
    with pytest.raises(RefusedByNode) as caught:
        answer.made()
    assert (caught.value.number, caught.value.rule, caught.value.receipt) == (Code.DENIED, "AUT-0", RECEIPT)
    assert caught.value.is_logged and isinstance(caught.value, Refusal)


def test_sealed_bytes_leave_the_device_with_the_answer(path: Path) -> None:  # [PRI-2]
    box = Outbox(path)
    box.put(letter(), [PART])
    box.answer(letter().key, Answer())
    box.close()
    assert PART.data not in b"".join(file.read_bytes() for file in path.parent.iterdir())


def test_the_files_of_the_outbox_are_private(path: Path) -> None:
    box = Outbox(path)
    box.put(letter())
    assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}


def test_an_outbox_takes_no_more_than_the_node_remembers(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAITING_MAX", 2)
    box = Outbox(path)
    box.put(letter(1))
    box.put(letter(2))
    with pytest.raises(Refusal) as caught:
        box.put(letter(3))
    assert caught.value.number == Code.BUSY
    assert box.find(Key(letter(3).key)) is None


def test_old_answers_are_forgotten_and_waiting_letters_never(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ANSWERED_MAX", 2)
    box = Outbox(path)
    for number in range(5):
        box.put(letter(number))
    for number in range(1, 5):
        box.answer(letter(number).key, Answer())
    assert [box.find(letter(number).key) is not None for number in range(5)] == [
        True,
        False,
        False,
        True,
        True,
    ]


def test_what_is_unsettled_is_what_waits_and_what_nobody_knows(path: Path) -> None:
    box = Outbox(path)
    for number, made_ms in enumerate((NOW - KEY_AGE_MS - 1, NOW, NOW)):
        box.put(letter(number, made_ms=made_ms))
    box.give_up_old(NOW)
    box.answer(letter(1).key, Answer(reference=b"contract", receipt=RECEIPT))
    states = [(one.letter.key, one.state) for one in box.unsettled()]
    old = letter(0, made_ms=NOW - KEY_AGE_MS - 1)
    assert states == [(old.key, LetterState.UNKNOWN), (letter(2).key, LetterState.WAITING)]


def test_the_newest_letter_of_a_kind_is_found_whether_answered_or_not(path: Path) -> None:
    box = Outbox(path)
    assert box.newest(TypeId.PURCHASE) is None
    box.put(letter(1))
    box.put(letter(2))
    box.put(replace(letter(3), type_id=TypeId.ERASE))
    box.answer(letter(2).key, Answer(reference=b"contract", receipt=RECEIPT))
    found = box.newest(TypeId.PURCHASE)
    assert found is not None and found.letter == letter(2)
