"""`billetter config`: what `serve` would be told, and by whom."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from api import cli
from api.settings import Settings, variable


def told(*arguments: str, **environ: str) -> Result:
    """In an environment with these variables and no other of ours."""
    nothing = {variable(name): None for name in Settings.__slots__}
    return CliRunner(env={**nothing, **environ}).invoke(cli.main, ["config", *arguments])


def rows(answer: Result) -> dict[str, tuple[str, str]]:
    """Source and value by variable."""
    assert 0 == answer.exit_code, answer.output
    split = [line.split(maxsplit=2) for line in answer.output.splitlines()]
    return {one[0]: (one[1], one[2] if len(one) > 2 else "") for one in split}


def test_every_setting_is_shown() -> None:
    """In the order of the README; nothing is set, so all are defaults."""
    found = rows(told())
    assert [variable(name) for name in Settings.__slots__] == list(found)
    assert {"default"} == {source for source, _ in found.values()}
    assert ("default", "8081") == found["BILLETTER_PORT"]


def test_where_each_comes_from() -> None:
    """An option wins over its variable; an empty variable is none."""
    given = {"BILLETTER_PORT": "9000", "BILLETTER_HOST": "", "BILLETTER_DATA": "/srv/shop"}
    found = rows(told("--hold-seconds", "60", "--allow-reset", **given))
    assert ("variable", "9000") == found["BILLETTER_PORT"]
    assert ("variable", "/srv/shop") == found["BILLETTER_DATA"]
    assert ("default", "127.0.0.1") == found["BILLETTER_HOST"]
    assert ("option", "60") == found["BILLETTER_HOLD_SECONDS"]
    assert ("option", "true") == found["BILLETTER_ALLOW_RESET"]
    assert ("option", "1") == rows(told("--port", "1", **given))["BILLETTER_PORT"]


def test_secrets_are_masked() -> None:
    """That one is set is told, and not which."""
    answer = told(BILLETTER_WEBHOOK_SECRET="my-secret")
    assert ("variable", "***") == rows(answer)["BILLETTER_WEBHOOK_SECRET"]
    assert "my-secret" not in answer.output


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"BILLETTER_PORT": "0"}, "BILLETTER_PORT must be 1 to 65535"),
        ({"BILLETTER_GATEWAY_URL": "http://g"}, "BILLETTER_MERCHANT_ID is needed with a gateway"),
        ({"BILLETTER_STAFF_FILE": "/nowhere/staff"}, "/nowhere/staff: No such file or directory"),
    ],
)
def test_a_wrong_one_is_named(variables: dict[str, str], reason: str) -> None:
    """Exit code 2, before anything is started with it."""
    answer = told(**variables)
    assert 2 == answer.exit_code
    assert f"Error: {reason}" in answer.output


def test_a_bad_credentials_file(tmp_path: Path) -> None:
    """It is read as at a start."""
    file = tmp_path / "staff"
    file.write_text("captain hook x\n")
    answer = told("--staff-file", str(file))
    assert 2 == answer.exit_code
    assert f"{file}, line 1" in answer.output
