"""What holds for every test."""

from hypothesis import settings

# How long an example takes is the machine's business: one that stands still for a moment would
# fail a property that holds.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")
