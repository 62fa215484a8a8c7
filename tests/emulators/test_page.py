"""The page of the README on the emulators is true: its commands run, its tables miss nothing."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.routing import Route

import emulators
from emulators import gateway, provider
from emulators.gateway.knobs import RedirectFault, WebhookFault
from emulators.knobs import Fault
from torture.servers.child import Server

README = Path(emulators.__file__).parent.parent / "README.md"
BASH, CURL = shutil.which("bash"), shutil.which("curl")


def page() -> str:
    text = README.read_text(encoding="utf-8")
    (found,) = re.findall(r"^## Driving the emulators.*?(?=^## )", text, re.DOTALL | re.MULTILINE)
    return str(found)


def code(text: str) -> set[str]:
    """Every word that is written as code, in tables and sentences."""
    return {word for span in re.findall(r"`([^`\n]+)`", text) for word in re.findall(r"\w+", span)}


@pytest.mark.parametrize("knobs", [gateway.GatewayKnobs, provider.ProviderKnobs])
def test_every_knob_is_there(knobs: type[gateway.GatewayKnobs | provider.ProviderKnobs]) -> None:
    """What can be turned is in the tables."""
    assert set() == set(knobs.__struct_fields__) - code(page())


@pytest.mark.parametrize("fault", [Fault, WebhookFault, RedirectFault])
def test_every_kind_of_fault_is_there(fault: type[Fault | WebhookFault | RedirectFault]) -> None:
    """With the fields that shape it."""
    kinds = set(fault.__annotations__["kind"].__args__)

    assert len(kinds) > 2
    assert set() == (kinds | set(fault.__struct_fields__) - {"kind", "when"}) - code(page())


def test_every_control_call_is_there(gateway_app: Starlette, provider_app: Starlette) -> None:
    """And every call of administrators, each with its path."""
    routes = [one for one in (*gateway_app.routes, *provider_app.routes) if isinstance(one, Route)]
    paths = {
        re.sub(r"\{\w+_id\}", "{id}", one.path)
        for one in routes
        if re.match(r"/__emu|/api/v1/(admin|team)", one.path)
    }

    assert len(paths) > 8
    assert set() == {path for path in paths if path not in page().lower()}


def script(ports: dict[str, Server]) -> str:
    """All commands of the page in their order, but for those that start the emulators."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", page(), re.DOTALL | re.MULTILINE)
    text = "".join(block for block in blocks if ".venv/bin" not in block)
    for usual, server in ports.items():
        text = text.replace(f"http://127.0.0.1:{usual}", server.url)
    return text


@pytest.mark.server
@pytest.mark.skipif(not (BASH and CURL), reason="the page's commands need bash and curl")
def test_commands_of_the_page(gateway_server: Server, provider_server: Server) -> None:
    """Each does what the remark behind it says."""
    text = script({"8082": gateway_server, "8083": provider_server})
    # The hall of this test has two rows.
    text = text.replace("page=[1-100]", "page=[1-2]").replace("# 100000", "# 2000")
    remarks = re.findall(r"   # (\w+)", text)

    ran = subprocess.run(
        [str(BASH), "-euo", "pipefail", "-c", text],
        capture_output=True,
        text=True,
        timeout=60,
        env={"PATH": os.environ["PATH"], "NO_PROXY": "127.0.0.1"},
    )

    assert (0, "") == (ran.returncode, ran.stderr)
    assert len(remarks) > 7
    assert re.search(".*".join(remarks), ran.stdout, re.DOTALL), ran.stdout
