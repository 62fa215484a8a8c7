"""What the logs look like to a machine and to a person, and what is never in them."""

import os
import pty
import subprocess
import sys
from typing import Any

import orjson

SCRIPT = """
import logging, structlog
from api.logs import set_up_logs
set_up_logs()
log = structlog.get_logger("test")
log.info("ready", port=8081, who="Селеста")
try:
    raise ValueError("why")
except ValueError:
    log.error("broken", exc_info=True)
for name in ("httpx", "httpcore"):
    logging.getLogger(name).info("HTTP Request: GET http://user:secret@host")
"""


def test_a_machine_reads_an_object_a_line() -> None:
    """With level and time in UTC; a traceback is one field of it, and stdout stays free."""
    ended = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, check=True)

    ready, broken = map(orjson.loads, ended.stderr.splitlines())
    time: Any = ready.pop("timestamp")
    assert time.endswith("Z")
    assert {"event": "ready", "level": "info", "port": 8081, "who": "Селеста"} == ready
    assert broken["exception"].endswith("ValueError: why")
    assert b"" == ended.stdout


def test_a_person_reads_lines() -> None:
    """On a terminal; still without a word of the libraries' own about each call."""
    ours, theirs = pty.openpty()
    subprocess.run([sys.executable, "-c", SCRIPT], stderr=theirs, check=True)
    os.close(theirs)
    shown = os.read(ours, 65_536).decode()
    os.close(ours)

    assert "ready" in shown
    assert "8081" in shown
    assert "{" not in shown.splitlines()[0]
    assert "secret" not in shown
