"""The whole shop in a simulated world: customers, outside services, a network, a disk, one clock.

Nothing in it is real but our own code, so a world is played faster than it would last, and again
in every detail from its seed. Read world.py, play.py, then trouble.py and judge.py.
"""
