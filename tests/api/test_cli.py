"""The command: one sentence for everything that can go wrong, and exit codes a script can trust."""

import errno
import socket
from dataclasses import fields
from pathlib import Path
from typing import Any

import orjson
import pytest

from api import demo as demo_rooms
from api import emulators, staff, store
from api import serve as serve_module
from api.processes import require_free_port
from api.settings import SECRETS, Settings
from api.staff import Role
from catalog import demo
from engine import Engine
from tests.api.commands import Run, refused

MAKE_ROOM = "make room there (a start takes 16 MiB), never inside wal/ or snapshots/"


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """What would have been served; nothing is."""
    settings: list[Settings] = []
    monkeypatch.setattr(serve_module, "serve", settings.append)
    return settings


def test_help_names_the_commands(run: Run) -> None:
    """Each with what it is for; -h is short for --help."""
    answer = run("-h")

    assert 0 == answer.exit_code
    for command in ("init", "serve", "demo", "emulate", "verify", "backup", "restore", "sagas"):
        assert f"  {command} " in answer.output
        told = run(command, "--help")
        assert (0, "Usage: main " + command) == (told.exit_code, told.output[: 12 + len(command)])


def test_help_tells_every_setting_but_no_secret_default(run: Run) -> None:
    """Each option of `serve` with its default."""
    told = " ".join(run("serve", "--help").output.split())

    for one in fields(Settings):
        assert "--" + one.name.replace("_", "-") in told
        assert one.metadata["help"] in told
        if one.name not in SECRETS and one.name != "data":
            assert f"[default: {one.default or 'none'}]" in told


def test_the_version(run: Run) -> None:
    """That of the installed package."""
    assert "version 0." in run("--version").output


def init_options(files: demo.Files) -> list[object]:
    return [part for name, path in files._asdict().items() for part in (f"--{name}", path)]


def test_init_says_what_it_has_imported(run: Run, files: demo.Files, tmp_path: Path) -> None:
    """And what to do next."""
    data = tmp_path / "data"
    answer = run("init", "--data", data, *init_options(files))

    assert 0 == answer.exit_code, answer.output
    assert f"{data}: 40 users, 5 events on sale with " in answer.stdout
    assert answer.stdout.endswith(f" 20 past events.\nNext: billetter serve --data {data}\n")
    assert store.is_initialised(data)


def test_init_refuses_a_second_time(run: Run, data: Path, files: demo.Files) -> None:
    """Until it is told what to do with the first."""
    again = ["init", "--data", data, *init_options(files)]
    refused(
        run(*again),
        f"{data} is initialised already; --replace-catalog imports anew and keeps the bookings",
    )

    assert 0 == run(*again, "--replace-catalog").exit_code


@pytest.mark.parametrize("option", ["--users", "--events", "--archive", "--halls"])
def test_init_names_a_missing_file(
    run: Run, files: demo.Files, tmp_path: Path, option: str
) -> None:
    """A wrong command line: exit code 2, and nothing is made."""
    given = init_options(files)
    given[given.index(option) + 1] = tmp_path / "missing"
    answer = run("init", "--data", tmp_path / "data", *given)

    assert 2 == answer.exit_code
    assert f"Invalid value for '{option}': File '{tmp_path / 'missing'}' does not exist." in (
        answer.stderr
    )
    assert not (tmp_path / "data").exists()


INPUTS = ("--users", __file__, "--events", __file__)


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (("init", *INPUTS[2:]), "Missing option '--users'"),
        (("init", *INPUTS[:2]), "Missing option '--events'"),
        (("staff", "organiser", "olga"), "Missing option '--file'"),
        (("replay",), "Missing option '--event'"),
        (("restore", "/nowhere"), "Directory '/nowhere' does not exist"),
        (("emulate", "gateway", "--port", 65_536), "65536 is not in the range 1<=x<=65535"),
    ],
)
def test_what_a_command_line_lacks_is_named(
    run: Run, command: tuple[object, ...], told: str
) -> None:
    """Before anything is read or made."""
    answer = run(*command)

    assert 2 == answer.exit_code
    assert told in answer.stderr


def test_init_names_the_bad_line(run: Run, files: demo.Files, tmp_path: Path) -> None:
    """File, line and reason, without what the line holds."""
    bad = tmp_path / "users.csv"
    first, second, *_ = files.users.read_text(encoding="utf-8").splitlines(keepends=True)
    bad.write_text(first + second + "2,ann@show.go,not-a-hash,p4ssword,A,B,,,True,\n", "utf-8")
    answer = run("init", "--data", tmp_path / "data", "--users", bad, "--events", files.events)

    assert 1 == answer.exit_code
    message = answer.stderr.splitlines()[-1]
    assert message.startswith(f"Error: {bad}, line 3: ")
    assert "p4ssword" not in answer.output
    assert not (tmp_path / "data").exists()


def test_init_knows_its_time_zones(run: Run, files: demo.Files, tmp_path: Path) -> None:
    """An unknown one is refused before anything is read."""
    answer = run(
        "init", "--data", tmp_path / "data", *init_options(files), "--timezone", "Mars/Base"
    )

    refused(answer, "there is no time zone 'Mars/Base'; try Asia/Almaty")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS])
@pytest.mark.parametrize("name", ["import_files", "Engine.create"])
def test_a_disk_that_refuses_is_a_sentence(
    run: Run,
    files: demo.Files,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    code: int,
) -> None:
    """Which file, what the system says, and what to do for space; no traceback."""
    failure = OSError(code, errno.errorcode[code], "/some/file")

    def refuse(*_: object, **__: object) -> None:
        raise failure

    if name == "Engine.create":
        monkeypatch.setattr(Engine, "create", refuse)
    else:
        monkeypatch.setattr(store, name, refuse)
    answer = run("init", "--data", tmp_path / "data", *init_options(files))

    assert 1 == answer.exit_code
    what_to_do = f"; {MAKE_ROOM}" if code in (errno.ENOSPC, errno.EDQUOT) else ""
    told = f"Error: /some/file: {errno.errorcode[code]}{what_to_do}"
    assert told == answer.stderr.splitlines()[-1]


def test_a_failure_without_a_file(run: Run, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some failures of the system name no file; others have no number either."""
    for failure, message in (
        (OSError(errno.EMFILE, "Too many open files"), "Too many open files"),
        (OSError("the table of users can't be written"), "the table of users can't be written"),
    ):

        def refuse(*_: object, failure: OSError = failure) -> None:
            raise failure

        monkeypatch.setattr(store, "verify", refuse)
        refused(run("verify", "--data", data), message)


@pytest.mark.parametrize(
    "command",
    [["serve"], ["verify"], ["audit", "seat", "10010001"], ["sagas"], ["replay", "--event", "1"]],
    ids=lambda command: command[0],
)
def test_a_directory_is_needed(
    run: Run, tmp_path: Path, served: list[Settings], command: list[str]
) -> None:
    """A missing one is not made: it may be an unmounted disk."""
    missing = tmp_path / "data"

    refused(
        run(*command, "--data", missing),
        f"{missing} does not exist; make it with: billetter init --data {missing} …",
    )
    refused(
        run(*command, "--data", tmp_path),
        f"{tmp_path} is not initialised; run: billetter init --data {tmp_path} …",
    )
    assert [] == served


OPTIONS: dict[str, Any] = {
    "host": "0.0.0.0",
    "port": 9000,
    "public_url": "https://show.go",
    "gateway_url": "http://g",
    "provider_url": "http://p",
    "merchant_id": "we",
    "merchant_password": "s3cret",
    "webhook_secret": "s3cret too",
    "hold_seconds": 1,
    "payment_seconds": 2,
    "return_hours": 3,
    "max_seats_per_user": 4,
    "snapshot_records": 5,
    "connections": 6,
    "allow_reset": True,
}


def test_serve_takes_every_setting_as_an_option(
    run: Run, data: Path, served: list[Settings]
) -> None:
    """This table knows every field."""
    given: list[object] = []
    for name, value in OPTIONS.items():
        given += ["--" + name.replace("_", "-"), *([] if value is True else [value])]
    assert 0 == run("serve", "--data", data, *given).exit_code

    assert [Settings(data=data, **OPTIONS)] == served


def test_serve_takes_every_setting_as_a_variable(
    run: Run, data: Path, served: list[Settings]
) -> None:
    """An option wins over a variable, and an empty variable is none."""
    settings = Settings(data=data, **OPTIONS)
    assert 0 == run("serve", **settings.export()).exit_code
    assert 0 == run("serve", "--hold-seconds", 60, **settings.export()).exit_code
    assert 0 == run("serve", "--data", data, **dict.fromkeys(settings.export(), "")).exit_code

    other = Settings(data=data, **{**OPTIONS, "hold_seconds": 60})
    assert [settings, other, Settings(data=data)] == served


@pytest.mark.parametrize("as_option", [True, False])
def test_serve_names_a_bad_setting(
    run: Run, data: Path, served: list[Settings], as_option: bool
) -> None:
    """By its variable, whichever way it came."""
    message = "BILLETTER_HOLD_SECONDS must be a whole number"
    if as_option:
        refused(run("serve", "--data", data, "--hold-seconds", "15m"), message, code=2)
    else:
        refused(run("serve", "--data", data, BILLETTER_HOLD_SECONDS="15m"), message, code=2)
    assert [] == served


def test_serve_names_a_bad_credentials_file(
    run: Run, data: Path, served: list[Settings], tmp_path: Path
) -> None:
    """Which is a setting, too: a missing one, and a line that can't be used."""
    file = tmp_path / "staff"
    serve = ["serve", "--data", data, "--staff-file", file]
    refused(run(*serve), f"{file}: No such file or directory", code=2)
    file.write_text("captain hook x\n")
    told = run(*serve)
    assert 2 == told.exit_code
    assert told.stderr.startswith(f"Error: {file}, line 1: ")
    assert [] == served


@pytest.mark.parametrize("command", ["serve", "config"])
def test_a_misspelt_variable_is_warned_of(
    run: Run, data: Path, served: list[Settings], command: str
) -> None:
    """By name, with the one that was meant; what it holds may be a secret."""
    told = run(command, "--data", data, BILLETTER_MERCHANT_PASSWROD="s3cret")

    warning = orjson.loads(told.stderr)
    assert (0, "warning") == (told.exit_code, warning["level"])
    assert ("BILLETTER_MERCHANT_PASSWROD", "BILLETTER_MERCHANT_PASSWORD") == (
        warning["variable"],
        warning["perhaps"],
    )
    assert "s3cret" not in told.output


def test_serve_names_no_secret(run: Run, data: Path, served: list[Settings]) -> None:
    """Half of a merchant's name is refused without showing it."""
    answer = run(
        "serve", "--data", data, "--gateway-url", "http://g", "--merchant-password", "s3cret"
    )

    refused(answer, "BILLETTER_MERCHANT_ID is needed with a gateway", code=2)


@pytest.mark.parametrize(
    ("service", "variable", "value", "problem"),
    [
        ("gateway", "BASE_URL", "foo", " must be like http://host:port"),
        ("gateway", "PAYMENTS_MAX", "0", " must be a whole number, 1 or more"),
        ("provider", "SEED", "x", " must be a whole number, 0 or more"),
        ("provider", "KNOBS", '{"latency":3}', ": Object contains unknown field `latency`"),
    ],
)
def test_an_emulator_names_a_bad_variable(
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    service: str,
    variable: str,
    value: str,
    problem: str,
) -> None:
    """Exit code 2 and one sentence, before anything is started."""
    monkeypatch.setattr(emulators, "Granian", None)
    monkeypatch.setattr(emulators, "require_free_port", lambda *_: None)
    monkeypatch.setenv("BILLETTER_EMULATOR_BASE_URL", "")  # and put back what was there
    told = run("emulate", service, **{f"BILLETTER_EMULATOR_{variable}": value})

    refused(told, f"BILLETTER_EMULATOR_{variable}{problem}", code=2)


def test_demo_and_emulators_say_which_port_is_taken(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is made or started."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        message = f"can't listen on 127.0.0.1 port {port}: Address already in use"

        refused(run("emulate", "gateway", "--port", port), message)
        only_this(monkeypatch, port)
        refused(run("demo", "--data", tmp_path / "demo", "--port", port - 2), message)
    assert not (tmp_path / "demo").exists()


def only_this(monkeypatch: pytest.MonkeyPatch, taken: int) -> None:
    """The demo takes three ports, and some other program of this machine may have one."""

    def require(host: str, port: int) -> None:
        if port == taken:
            require_free_port(host, port)

    monkeypatch.setattr(demo_rooms, "require_free_port", require)


def test_demo_needs_three_ports(run: Run) -> None:
    """The last two belong to the emulators; the first is the one that the README tells."""
    assert 2 == run("demo", "--port", 65_534).exit_code
    assert "[default: 8081; 1<=x<=65533]" in run("demo", "--help").output


def test_demo_leaves_nothing_of_data_it_could_not_make(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk, in the middle of writing the demo's files."""

    def refuse(directory: Path, **_: object) -> None:
        (directory / "users.csv").write_text("the first million")
        raise OSError(errno.ENOSPC, "No space left on device", str(directory / "users.csv"))

    monkeypatch.setattr(demo, "write", refuse)
    monkeypatch.setattr(demo_rooms, "require_free_port", lambda *_: None)
    answer = run("demo", "--data", tmp_path / "deep" / "demo")

    assert 1 == answer.exit_code
    assert answer.stderr.endswith(f".csv: No space left on device; {MAKE_ROOM}\n")
    assert [] == list((tmp_path / "deep").iterdir())


def test_what_we_do_not_know_is_not_hidden(
    run: Run, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug of ours keeps its traceback."""

    def fail(_: Path) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(store, "verify", fail)

    assert isinstance(run("verify", "--data", data).exception, ZeroDivisionError)


def test_a_backup_and_back(run: Run, data: Path, tmp_path: Path) -> None:
    """Both say what is in the copy, and what to do next."""
    backup, restored = tmp_path / "backup", tmp_path / "restored"
    made = run("backup", backup, "--data", data)
    assert (0, f"{backup}: everything acknowledged up to record 0, state ") == (
        made.exit_code,
        made.stdout[: made.stdout.index("state ") + 6],
    )
    answer = run("restore", backup, "--data", restored)
    assert 0 == answer.exit_code
    assert answer.stdout.startswith(f"{restored}: as it was on 2")
    assert answer.stdout.endswith(f"\nNext: billetter serve --data {restored}\n")

    refused(
        run("backup", backup, "--data", data),
        f"{backup} exists already; name a directory that doesn't",
    )


def test_a_member_of_the_staff_is_added_as_the_readme_says(run: Run, tmp_path: Path) -> None:
    """The role in the case of its name; the password is shown once."""
    path = tmp_path / "staff"
    told = run("staff", "organiser", "olga", "--file", path)
    assert 0 == told.exit_code
    assert "It is shown once." in told.stderr
    name, password = told.stdout.split()
    assert "olga:" == name
    assert staff.line_of(Role.ORGANISER, "olga", password) in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("wrong", [("--speed", "nan"), ("--speed", 1e-300), ("--step", 10**30)])
def test_a_replay_waits_no_longer_than_a_system_can(
    run: Run, tmp_path: Path, wrong: tuple[str, Any]
) -> None:
    """A wrong command line, told before anything is read."""
    assert 2 == run("replay", "--data", tmp_path, "--event", 1, *wrong).exit_code
