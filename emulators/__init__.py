"""Stand-ins for the two outside services: no account, no network, faults on demand.

`emulators.gateway` takes payments and `emulators.provider` sells the places of a stadium.
Both are ASGI applications that keep everything in memory, in one process: run one worker.
How true and how bad they are is turned while they run (`knobs.py`).
Read `gateway/app.py` or `provider/app.py` first; each is a table of the service's routes.
"""
