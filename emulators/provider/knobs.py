"""The knobs that only the provider has, and the three profiles they come in."""

from typing import Literal

from emulators.knobs import Knobs, NotNegative, Share


class ProviderKnobs(Knobs, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far the reads lag behind the writes, and what a client's impatience costs.

    The defaults are the profile `documented`.
    """

    lag_ms: NotNegative = 20.0
    events_per_s: NotNegative = 0.0  # of each kind; 0 is without limit
    lowest_revision_first: bool = False  # under load, new orders overtake the news of older ones
    freeze_projection: bool = False
    wedge_on_poison: bool = False  # a place that comes too late stops its consumer for good
    unsettled_place: Literal["leak", "free"] = "free"  # what becomes of it otherwise
    race_ms: NotNegative = 0.0  # a second select so soon after the first: 500 instead of 409
    conflict_500_rate: Share = 0.0  # of commands: 500, and nothing has happened
    duplicate_event_rate: Share = 0.0  # of news about an order's places: counted twice
    foreign_per_s: NotNegative = 0.0  # another partner takes a place, or gives its own back


PROFILES = {
    "documented": ProviderKnobs(),
    # What the real service is.
    "as_built": ProviderKnobs(
        profile="as_built",
        lag_ms=50.0,
        events_per_s=100.0,
        lowest_revision_first=True,
        wedge_on_poison=True,
        unsettled_place="leak",
        race_ms=5.0,
    ),
    # For load tests: reads are never behind.
    "instant": ProviderKnobs(profile="instant", lag_ms=0.0),
}
