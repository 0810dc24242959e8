"""A rate in whole numbers, without a clock."""

from hypothesis import given
from hypothesis import strategies as st

from thingmarket.errors import Code, Refusal
from thingmarket_node.core.token_bucket import TokenBucket


def takes(bucket: TokenBucket, tokens: int, now_ms: int) -> bool:
    try:
        bucket.take(tokens, now_ms)
    except Refusal as refusal:
        assert refusal.number == Code.RATE_LIMITED
        return False
    return True


def test_a_full_bucket_gives_its_burst_at_once_and_then_nothing() -> None:
    bucket = TokenBucket(per_second=200, burst=300, now_ms=0)
    assert [takes(bucket, 1, 0) for _ in range(301)] == [True] * 300 + [False]


def test_a_refused_take_takes_nothing() -> None:
    bucket = TokenBucket(per_second=1, burst=3, now_ms=0)
    assert not takes(bucket, 4, 0)
    assert takes(bucket, 3, 0)


def test_tokens_come_back_at_the_rate_to_the_millisecond() -> None:
    bucket = TokenBucket(per_second=200, burst=1, now_ms=0)
    assert takes(bucket, 1, 0)
    assert not takes(bucket, 1, 4)
    assert takes(bucket, 1, 5)


def test_a_bucket_is_full_again_when_all_came_back() -> None:
    bucket = TokenBucket(per_second=200, burst=2, now_ms=0)
    assert bucket.is_full(0)
    assert takes(bucket, 1, 0)
    assert not bucket.is_full(4)
    assert bucket.is_full(5)


def test_a_debt_is_earned_back_before_anything_is_given() -> None:
    bucket = TokenBucket(per_second=1_000, burst=10, now_ms=0)
    assert takes(bucket, 10, 0)
    bucket.charge(9)
    assert not takes(bucket, 1, 9)
    assert takes(bucket, 1, 10)


def test_a_debt_ends_at_one_full_bucket() -> None:
    bucket = TokenBucket(per_second=1_000, burst=10, now_ms=0)
    bucket.charge(10**9)
    assert not takes(bucket, 1, 10)
    assert takes(bucket, 1, 11)


def test_a_clock_that_was_put_back_earns_nothing() -> None:
    bucket = TokenBucket(per_second=1_000, burst=1, now_ms=10_000)
    assert takes(bucket, 1, 10_000)
    assert not takes(bucket, 1, 5_000)
    assert not takes(bucket, 1, 10_000)
    assert takes(bucket, 1, 10_001)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 5)), max_size=60))
def test_no_script_gets_more_than_burst_and_rate(script: list[tuple[int, int]]) -> None:
    bucket, now_ms, given_out = TokenBucket(per_second=100, burst=20, now_ms=0), 0, 0
    for later_ms, tokens in script:
        now_ms += later_ms
        given_out += tokens if takes(bucket, tokens, now_ms) else 0
        assert given_out * 1_000 <= 20 * 1_000 + now_ms * 100
