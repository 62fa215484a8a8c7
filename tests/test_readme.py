"""The README is true: its library example runs, its settings and make words are those there are."""

import ast
import re
from dataclasses import fields
from pathlib import Path

import pytest

from api.settings import Settings, variable
from catalog.halls import read_halls

ROOT = Path(__file__).resolve().parent.parent
CODE_LINES_MAX = 8


def readme() -> str:
    return (ROOT / "README.md").read_text(encoding="utf-8")


def section(heading: str) -> str:
    """The text under a heading, up to the next one of its level."""
    parts = re.split(r"^## (.+)$", readme(), flags=re.MULTILINE)
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    return sections[heading]


def library_example() -> str:
    (code,) = re.findall(r"^```python\n(.*?)^```$", section("As a library"), re.DOTALL | re.M)
    return str(code)


def test_the_library_example_runs() -> None:
    """As it stands, from nothing but the installed package."""
    exec(compile(library_example(), "README.md", "exec"), {"__name__": "example"})


def test_the_library_example_is_short() -> None:
    """At most eight lines of code, and every name that it imports is used."""
    code = library_example()
    lines = [line for line in code.splitlines() if line.strip() and not line.startswith("#")]
    tree = ast.parse(code)
    imported = {
        name.name for node in tree.body if isinstance(node, ast.ImportFrom) for name in node.names
    }
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}

    assert CODE_LINES_MAX >= len(lines)
    assert set() == imported - used


def test_the_example_of_halls_is_accepted(tmp_path: Path) -> None:
    """As it stands; event 8 sells the whole balcony and nothing else."""
    blocks = re.findall(r"^```json\n(.*?)^```$", section("The files to import"), re.DOTALL | re.M)
    (example,) = (block for block in blocks if '"halls"' in block)
    path = tmp_path / "halls.json"
    path.write_text(example, encoding="utf-8")

    plan = read_halls(path).plan_for(event_id=8, event_type="")
    assert ((12 * 36, 25 * 36),) == plan.allotment


def shown(value: object) -> str:
    """As the table writes a default."""
    if value == "":
        return "none"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def test_every_setting_is_in_the_table() -> None:
    """With its variable, its default and what the command line says of it; and no other is."""
    rows = re.findall(r"^\| `(BILLETTER_\w+)` \| (.+?) \| (.+?) \|$", section("Settings"), re.M)

    expected = [
        (variable(one.name), shown(one.default), one.metadata["help"]) for one in fields(Settings)
    ]
    assert expected == rows


def make_words(text: str) -> set[str]:
    """Every word after `make` where code is written."""
    code = "\n".join(re.findall(r"^```\w*\n(.*?)^```$", text, re.DOTALL | re.MULTILINE))
    inline = "\n".join(re.findall(r"`([^`\n]+)`", text))
    return set(re.findall(r"(?:^|[;&]\s*)make (\w+)", f"{code}\n{inline}", re.MULTILINE))


@pytest.mark.parametrize("name", ["README.md", "ARCHITECTURE.md", "CHANGELOG.md"])
def test_every_make_word_is_in_the_makefile(name: str) -> None:
    """A newcomer who types what is written gets what is promised."""
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    assert set() == make_words((ROOT / name).read_text(encoding="utf-8")) - targets


def test_make_words_are_found() -> None:
    """In blocks and in sentences, and nowhere else."""
    text = "First `make one`.\n```sh\nmake two   # make no\ncd x && make three\n```\nto make sense"

    assert {"one", "two", "three"} == make_words(text)
    assert {"run", "test"} <= make_words(readme())
