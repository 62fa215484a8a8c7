"""The merchants, which the gateway calls teams."""

import hmac
from dataclasses import dataclass, field

# Every team of a large contest, ten times.
TEAMS_MAX = 10_000


@dataclass(kw_only=True, slots=True)
class Team:
    """One merchant. Webhooks go to its URL unless a payment names another."""

    slug: str
    password: str = field(repr=False)
    notification_url: str | None = None


class TeamTaken(Exception):
    """The slug names another team already, or no more are kept."""


class Teams:
    """All merchants by their slug; there is always one."""

    def __init__(self, first: Team) -> None:
        self._by_slug = {first.slug: first}

    def find(self, slug: str) -> Team | None:
        return self._by_slug.get(slug)

    def add(self, team: Team) -> None:
        """Let another merchant in; raises TeamTaken."""
        if team.slug in self._by_slug or len(self._by_slug) >= TEAMS_MAX:
            raise TeamTaken
        self._by_slug[team.slug] = team

    def authenticated(self, slug: str, password: str) -> Team | None:
        """The team whose password this is."""
        team = self.find(slug)
        known = "" if team is None else team.password
        return team if hmac.compare_digest(password.encode(), known.encode()) else None
