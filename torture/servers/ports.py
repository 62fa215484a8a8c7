"""Ports of 127.0.0.1 for servers that are started soon."""

import socket
from itertools import cycle, islice
from random import SystemRandom

# Linux gives outgoing connections 32,768 to 60,999 (ip(7), ip_local_port_range): a server that
# begins, or comes back, after a moment would find one of those taken now and then.
PORTS = range(10_000, 32_768)

# Each process goes on from a place of its own, since a port is free for others until its server
# listens.
_places = islice(cycle(PORTS), SystemRandom().randrange(len(PORTS)), None)


def free_port(in_a_row: int = 1) -> int:
    """The first of so many that nobody listens on; it isn't given again before all others were."""
    while True:
        ports = list(islice(_places, in_a_row))
        if ports[-1] - ports[0] == in_a_row - 1 and all(map(_is_free, ports)):
            return ports[0]


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
