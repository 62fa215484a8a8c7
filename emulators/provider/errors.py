"""The two ways in which a command fails. Neither answer has a body."""


class Conflict(Exception):
    """409: the order or the place is in another state. Which one, the answer does not say."""


class Broken(Exception):
    """500: among others, the real service's answer to an id it does not know."""
