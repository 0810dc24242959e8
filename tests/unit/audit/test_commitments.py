from hypothesis import given
from hypothesis import strategies as st
from nacl.bindings import crypto_generichash_blake2b_salt_personal
from pytest import mark, raises

from thingmarket.audit.commitments import commit
from thingmarket.errors import Code, Refusal

SALT = bytes(range(32))


def test_a_commitment_is_keyed_blake2b() -> None:
    assert commit(SALT, b"").hex() == "4e51e7a913fc80137da52880fecca175bf81e117d5c68126dc2774033517ea0d"


@given(st.binary(max_size=200), st.binary(min_size=32, max_size=32))
def test_libsodium_makes_the_same_commitment(data: bytes, salt: bytes) -> None:
    assert commit(salt, data) == crypto_generichash_blake2b_salt_personal(data, digest_size=32, key=salt)


@given(st.binary(max_size=50), st.binary(max_size=50))
def test_other_data_makes_another_commitment(one: bytes, two: bytes) -> None:
    assert (commit(SALT, one) == commit(SALT, two)) == (one == two)


@given(st.binary(min_size=32, max_size=32))
def test_another_salt_makes_another_commitment(salt: bytes) -> None:
    assert (commit(salt, b"Main Street 1") == commit(SALT, b"Main Street 1")) == (salt == SALT)


@mark.parametrize("length", [0, 1, 16, 31, 33, 64, 65])
def test_a_salt_of_another_length_commits_to_nothing(length: int) -> None:
    with raises(Refusal) as refused:
        commit(bytes(length), b"Main Street 1")
    assert refused.value.number == Code.BAD_FIELD
