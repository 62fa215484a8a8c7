"""Who of our own orders holds a seat at the provider."""

from sagas.claims import RELEASING_MS_MAX, Claims


def test_claim() -> None:
    """One order at a time holds a seat; a claim is made for all seats or for none."""
    claims = Claims()
    assert claims.claim(1, (10, 11))
    assert claims.claim(1, (10, 11))
    assert not claims.claim(2, (12, 11))
    assert claims.claim(3, (12,))
    claims.drop(2, (10, 11))
    assert not claims.claim(2, (10,))
    claims.drop(1, (10, 11))
    assert claims.claim(2, (10, 11))


def test_releasing() -> None:
    """A seat that an order of ours let go may not be free at once, but it is some time."""
    claims = Claims()
    claims.claim(1, (10,))
    assert not claims.may_be_releasing(10, now_ms=1_000)
    claims.release(1, (10,), now_ms=1_000)
    assert claims.claim(2, (10,))
    assert claims.may_be_releasing(10, now_ms=1_000 + RELEASING_MS_MAX)
    assert not claims.may_be_releasing(10, now_ms=1_001 + RELEASING_MS_MAX)
    assert not claims.may_be_releasing(10, now_ms=1_000)


def test_after_a_start() -> None:
    """After a start any seat may be on its way to being free."""
    claims = Claims()
    claims.resume(1_000)
    assert claims.may_be_releasing(10, now_ms=1_000 + RELEASING_MS_MAX)
    assert not claims.may_be_releasing(10, now_ms=1_001 + RELEASING_MS_MAX)
