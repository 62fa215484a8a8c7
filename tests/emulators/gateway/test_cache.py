"""How long an answer is remembered."""

from emulators.gateway.cache import AnswerCache


def test_stale_answer_is_forgotten() -> None:
    """An answer lives up to its moment and not through it."""
    cache: AnswerCache[str] = AnswerCache()
    cache.put("key", "answer", stale_at=10)

    assert cache.get("key", now=9.9) == "answer"
    assert cache.get("key", now=10) is None
    assert cache.get("key", now=0) is None


def test_oldest_answer_makes_room() -> None:
    """Past its size the cache forgets what was put first."""
    cache: AnswerCache[int] = AnswerCache(answers_max=2)
    for number in (1, 2, 1, 3):
        cache.put(number, number, stale_at=10)

    assert [cache.get(number, now=0) for number in (1, 2, 3)] == [1, None, 3]
