"""`billetter verify`: what is there is told, and the first fault that it has."""

from pathlib import Path

import pytest

from api import store
from engine import Engine
from tests.api.commands import Run, refused

# A hall of one seat.
PLACES = bytes.fromhex("424c504c01000000 0100000000000000 01000000 01000000 02eb4950") + bytes(16)


def test_verify_tells_what_is_there(run: Run, data: Path) -> None:
    """Exit code 0, and the last word is good."""
    answer = run("verify", "--data", data)

    assert (0, "") == (answer.exit_code, answer.stderr)
    assert ["users          40", "events         5"] == answer.stdout.splitlines()[:2]
    assert "good" == answer.stdout.splitlines()[-1]


def test_verify_tells_the_first_fault(run: Run, data: Path) -> None:
    """Exit code 1, the fault on stderr, and nothing is called good."""
    users = data / "catalog" / "users.sqlite"
    content = bytearray(users.read_bytes())
    content[5_000] ^= 1
    users.write_bytes(content)
    answer = run("verify", "--data", data)

    assert 1 == answer.exit_code
    assert answer.stderr.startswith("FAULT: ")
    assert "users.sqlite is damaged" in answer.stderr
    assert "good" not in answer.stdout


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (PLACES[:-1] + b"!", "the checksum is wrong; a start with a provider reads them again"),
        (PLACES[:-16], "the checksum is wrong; a start with a provider reads them again"),
        (PLACES[:4], "too short for a file of places"),
    ],
)
def test_verify_looks_at_the_provider_s_places(
    run: Run, data: Path, content: bytes, reason: str
) -> None:
    """Without the provider nothing of a partner's event could be paid for with such a file."""
    path = data / store.PLACES_DIRECTORY / "1.places"
    path.parent.mkdir()
    path.write_bytes(PLACES)
    assert "good" == run("verify", "--data", data).stdout.splitlines()[-1]
    path.write_bytes(content)
    answer = run("verify", "--data", data)

    assert (1, f"FAULT: {path}: {reason}\n") == (answer.exit_code, answer.stderr)
    assert "good" not in answer.stdout


def test_verify_needs_a_directory_at_rest(run: Run, data: Path, tmp_path: Path) -> None:
    """A missing one, and one in use, are neither good nor faulty."""
    assert 1 == run("verify", "--data", tmp_path / "missing").exit_code
    engine = Engine.open(data, [])
    answer = run("verify", "--data", data)
    engine.close()

    refused(answer, f"a server is using {data}; stop it, or verify a copy")
