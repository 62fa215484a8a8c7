"""Pages for people as they are served: what a browser may do with them, and what it may keep."""

import gzip
import re
from pathlib import Path

import pytest

import web
from api import timeline, web_files
from tests.api.rooms import Rooms

PAGES = sorted(path for path in web.files() if path.suffix == ".html")
FIRST_VIEW_BYTES_MAX = 150_000
FILE_LINES_MAX = 300
LANGUAGES = ("ru", "kk", "en")
# "key": "words" or "key": { one: "…", … }
WORDS = re.compile(r'^  "([^"]+)": (".*"|\{.*\}),$', re.MULTILINE)
# In the page's own language, which is Russian, and in the two others.
NEEDS_SCRIPTS = re.compile(r'<p(?: lang="(\w+)")?>([^<]+)</p>(?=[^\n]*</noscript>)')
LOADED = re.compile(r'(?:src|href)="(/web/[^"]+)"')


def address(name: str) -> str:
    return "/" if name == "index" else f"/{name}"


def words(language: str) -> dict[str, str]:
    """For buyers and for staff; no key stands in two files."""
    files = sorted((web.ROOT / "words").rglob(f"{language}.js"))
    found = [pair for file in files for pair in WORDS.findall(file.read_text(encoding="utf-8"))]
    assert len(found) == len(dict(found))
    return dict(found)


@pytest.mark.parametrize("name", [path.stem for path in PAGES])
def test_a_page_runs_only_what_comes_from_here(rooms: Rooms, name: str) -> None:
    """No other host, no script or style within the page, no frame around it."""
    answer = rooms.call("GET", address(name))
    assert (200, "text/html; charset=utf-8") == (answer.status, answer.headers["content-type"])
    assert "nosniff" == answer.headers["x-content-type-options"]
    assert "x-commit-lsn" not in answer.headers, "it tells of no record, and waits for none"
    policy = answer.headers["content-security-policy"].split("; ")
    assert {"default-src 'none'", "script-src 'self'", "style-src 'self'"} < set(policy)
    assert {"base-uri 'none'", "frame-ancestors 'none'"} < set(policy)
    html = answer.body.decode()
    assert not re.search(r'<script(?![^>]* src="/web/)|<style|\bstyle=|\son\w+=|https?:', html)


@pytest.mark.parametrize("name", [path.stem for path in PAGES])
def test_a_page_is_asked_for_anew_and_sent_when_it_differs(rooms: Rooms, name: str) -> None:
    """Whoever names its tag, or any, is told that it is the same."""
    first = rooms.call("GET", address(name))
    assert "no-cache" == first.headers["cache-control"]
    tag = first.headers["etag"].encode()
    for named in (tag, b'"other", ' + tag, b"*"):
        again = rooms.call("GET", address(name), headers=[(b"if-none-match", named)])
        assert (304, b"") == (again.status, again.body)
        assert first.headers["etag"] == again.headers["etag"]
        assert "content-length" not in again.headers, "its body is another"
    other = rooms.call("GET", address(name), headers=[(b"if-none-match", b'"other"')])
    assert (200, first.body) == (other.status, other.body)


@pytest.mark.parametrize("name", [path.stem for path in PAGES])
def test_a_file_is_compressed_for_whoever_takes_it_so(rooms: Rooms, name: str) -> None:
    """A page and all it loads are the same then; `q=0` says no."""
    html = rooms.call("GET", address(name)).body
    for one in {address(name), *LOADED.findall(html.decode())}:
        plain = rooms.call("GET", one, headers=[(b"accept-encoding", b"br, gzip;q=0")])
        small = rooms.call("GET", one, headers=[(b"accept-encoding", b"br, gzip;q=0.5, *")])
        assert (None, "gzip") == (
            plain.headers.get("content-encoding"),
            small.headers["content-encoding"],
        )
        assert "accept-encoding" == plain.headers["vary"] == small.headers["vary"]
        assert (200, 200) == (plain.status, small.status)
        assert plain.body == gzip.decompress(small.body)


@pytest.mark.parametrize("name", [path.stem for path in PAGES])
def test_what_a_page_loads_is_kept_for_ever(rooms: Rooms, name: str) -> None:
    """All of it is there, below an address that another content would not have."""
    loaded = LOADED.findall(rooms.call("GET", address(name)).body.decode())
    assert any(one.endswith(".css") for one in loaded)
    for one in loaded:
        answer = rooms.call("GET", one)
        assert (200, "public, max-age=31536000, immutable") == (
            answer.status,
            answer.headers["cache-control"],
        )
        assert re.fullmatch(r"/web/[0-9a-f]{18}/.+", one)


def test_other_files_have_another_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever has changed: what a browser has kept of them is never taken for these."""
    monkeypatch.setattr(web, "ROOT", tmp_path)
    bases = set()
    for contents in ({"a": "one", "b": "two"}, {"a": "own", "b": "two"}, {"a": "onet", "b": "wo"}):
        for name, content in contents.items():
            (tmp_path / f"{name}.js").write_text(content)
        first, second = [one.path.rpartition("/")[0] for one in web_files.operations()]
        assert first == second
        bases.add(first)
    (tmp_path / "b.js").rename(tmp_path / "c.js")
    bases |= {one.path.rpartition("/")[0] for one in web_files.operations()}
    assert 4 == len(bases)


@pytest.mark.parametrize("name", [path.stem for path in PAGES])
def test_a_page_tells_of_all_its_modules(rooms: Rooms, name: str) -> None:
    """Whatever a module imports is named in the page, so that it comes at once."""
    loaded = LOADED.findall(rooms.call("GET", address(name)).body.decode())
    modules = {one for one in loaded if one.endswith(".js")}
    assert modules
    for one in modules:
        source = rooms.call("GET", one).body.decode()
        directory = one.rpartition("/")[0]
        for imported in re.findall(r'^(?:import|\} from) ?.*"(\.[^"]+)";$', source, re.MULTILINE):
            up = imported.startswith("../")
            base = directory.rpartition("/")[0] if up else directory
            assert f"{base}/{imported.removeprefix('../').removeprefix('./')}" in modules


@pytest.mark.parametrize("name", [path.stem for path in PAGES])
def test_a_first_view_is_small(rooms: Rooms, name: str) -> None:
    """A page with all it loads and the longest of its languages, for buyers and for staff."""
    html = rooms.call("GET", address(name)).body
    loaded = set(LOADED.findall(html.decode()))
    sizes = [len(rooms.call("GET", one).body) for one in loaded]
    files = [(web.ROOT / "words").rglob(f"{one}.js") for one in LANGUAGES]
    languages = [sum(path.stat().st_size for path in paths) for paths in files]
    assert len(html) + sum(sizes) + max(languages) < FIRST_VIEW_BYTES_MAX


def test_nothing_else_is_served(rooms: Rooms) -> None:
    """Neither Python nor a file of another digest."""
    loaded = LOADED.findall(rooms.call("GET", "/").body.decode())
    base = re.sub(r"[^/]+$", "", next(one for one in loaded if one.endswith("style.css")))
    for path in ("__init__.py", "../api/app.py", "words/de.js"):
        assert 404 == rooms.call("GET", base + path).status
    assert 404 == rooms.call("GET", "/web/0/style.css").status


def test_files_are_short_and_name_no_other_host() -> None:
    """One idea a file; a namespace is the only address outside."""
    for path in web.files():
        source = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        # Words are a table, and no idea.
        assert "words" in path.parts or source.count("\n") <= FILE_LINES_MAX
        assert not re.search(r"https?://\w|innerHTML|\beval\(|document\.write", source)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_says_the_same(language: str) -> None:
    """The same keys with the same values to put in, and nothing left empty."""
    russian, said = words("ru"), words(language)
    assert len(russian) > 100
    assert list(russian) == list(said)
    for key, text in said.items():
        values = set(re.findall(r"\{(\w+)\}", text))
        assert set(re.findall(r"\{(\w+)\}", russian[key])) == values
        assert '""' not in text


def test_kazakh_and_english_are_no_russian() -> None:
    """Hardly anything is spelled the same in two languages."""
    russian, kazakh, english = map(words, LANGUAGES)
    same = [key for key in russian if russian[key] == kazakh[key]]
    assert len(same) < 6
    assert not [key for key, text in english.items() if re.search("[а-яё]", text)]


def test_every_step_of_a_payment_has_words() -> None:
    """The page tells in three languages what the service tells in one."""
    steps = {key.removeprefix("step.") for key in words("ru") if key.startswith("step.")}
    late = {f"{kind.__name__}.late" for kind in timeline._AFTER_GIVEN_UP}
    unpaid = {f"{kind.__name__}.unpaid" for kind in timeline._WITHOUT_MONEY}
    assert {kind.__name__ for kind in timeline._SENTENCES} | late | unpaid == steps


def test_words_are_there_and_are_used() -> None:
    """No key is missing, and none is left over."""
    source = "".join(
        path.read_text(encoding="utf-8") for path in web.files() if "words" not in path.parts
    )
    known = words("ru")
    named = set(re.findall(r'(?:data-say(?:-label)?=|\bsay\()"([^"]+)"', source))
    composed = tuple(re.findall(r"`([\w.]+\.)\$\{", source))
    quoted = set(re.findall(r'"([\w.-]+)"', source))
    assert named <= set(known)
    assert [] == [key for key in known if key not in quoted and not key.startswith(composed)]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_page_holds_the_russian_words(path: Path) -> None:
    """It reads the same before its script has run."""
    html = path.read_text(encoding="utf-8")
    russian = words("ru")
    for key, text in re.findall(r'data-say="([^"]+)"[^>]*>([^<]*)<', html):
        assert f'"{text}"' == russian[key]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_page_says_that_it_needs_scripts(path: Path) -> None:
    """To whoever has switched them off, in every language: which is theirs, only a script asks."""
    html = path.read_text(encoding="utf-8")
    said = NEEDS_SCRIPTS.findall(html)
    assert ["", "kk", "en"] == [language for language, _ in said]
    assert [] == [text for _, text in said if "JavaScript" not in text]
