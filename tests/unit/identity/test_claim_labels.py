"""The text of a label: read as it was written, and every slip of a finger is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thingmarket.errors import Code, Refusal
from thingmarket.identity.claim_labels import ClaimLabel, device_tag, label_text, read_label

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LABELS = st.builds(ClaimLabel, st.binary(min_size=3, max_size=3), st.binary(min_size=16, max_size=16))


@given(LABELS)
def test_a_label_is_read_as_it_was_written(label: ClaimLabel) -> None:  # [THG-3]
    text = label_text(label)
    assert [len(group) for group in text.split("-")] == [4] * 8
    assert read_label(text) == label
    assert read_label(text.lower().replace("-", " ").replace("0", "o").replace("1", "l")) == label


@given(LABELS, st.data())
def test_one_wrong_character_is_always_told(label: ClaimLabel, data: st.DataObject) -> None:  # [THG-3]
    text = label_text(label).replace("-", "")
    at = data.draw(st.integers(0, 31))
    other = data.draw(st.sampled_from([char for char in ALPHABET if char != text[at]]))
    with pytest.raises(Refusal) as told:
        read_label(text[:at] + other + text[at + 1 :])
    assert told.value.number == Code.BAD_FIELD


@given(LABELS, st.data())
def test_two_characters_that_changed_places_are_always_told(label: ClaimLabel, data: st.DataObject) -> None:
    # [THG-3]
    text = label_text(label).replace("-", "")
    first = data.draw(st.integers(0, 30))
    second = data.draw(st.integers(first + 1, min(first + 30, 31)))
    if text[first] == text[second]:
        return
    swapped = list(text)
    swapped[first], swapped[second] = text[second], text[first]
    with pytest.raises(Refusal):
        read_label("".join(swapped))


@pytest.mark.parametrize("text", ["", "7Q2M", "U" * 32, "é" * 32, "0" * 33])
def test_what_is_no_label_is_told(text: str) -> None:  # [THG-3]
    with pytest.raises(Refusal) as told:
        read_label(text)
    assert told.value.number == Code.BAD_FIELD


def test_a_tag_says_little_of_the_device() -> None:  # [THG-3]
    assert len(device_tag("did:key:z6MkhaXg")) == 3
