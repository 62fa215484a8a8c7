"""The shop with TLS of its own: what nginx's is measured beside. Users have it by nginx alone.

`python -m bench.own_tls --data DIRECTORY --certificate FILE --key FILE --port 8443` serves it.
"""

import argparse
import sys
from pathlib import Path

from api.serve import serve
from api.settings import Settings
from bench.shop import HOLD_SECONDS


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.own_tls", description=__doc__)
    for name in ("--data", "--certificate", "--key"):
        parser.add_argument(name, type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    chosen = parser.parse_args(arguments)
    settings = Settings(data=chosen.data, port=chosen.port, hold_seconds=HOLD_SECONDS)
    serve(settings, certificate=(chosen.certificate, chosen.key))


if __name__ == "__main__":
    main(sys.argv[1:])
