"""Pages about the API: its documentation, and what each problem means.

Everything comes from this server: the Content-Security-Policy lets no page reach another host.
"""

from html import escape
from pathlib import Path
from typing import Any

import orjson
from swagger_ui_bundle import swagger_ui_path

from api import problems
from api.endpoint import Call, Operation
from api.problems import Problem
from api.reply import HTML, JSON, Header, Reply, file_reply, in_parts, reply, security

# Swagger UI sets styles from its script and draws its icons from data: addresses.
_SECURITY = security(styles=b"'self' 'unsafe-inline'")
# Swagger UI comes in versions that we pin; an hour is enough to load it once a visit.
_CACHED: Header = (b"cache-control", b"public, max-age=3600")

_JS = b"text/javascript; charset=utf-8"
_ASSETS = {
    "swagger-ui.css": b"text/css; charset=utf-8",
    "swagger-ui-bundle.js": _JS,
    "favicon-32x32.png": b"image/png",
}
# Swagger UI 4 refuses the number 3.1; the document uses nothing that 3.0 lacks.
_DOCS_JS = """\
fetch("/openapi.json").then((answer) => answer.json()).then((spec) => {
  spec.openapi = "3.0.3";
  SwaggerUIBundle({ spec: spec, dom_id: "#docs", deepLinking: true, validatorUrl: null });
});
"""
_DOCS_HTML = """\
<!doctype html>
<html lang="ru">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Billetter: описание API</title>
<link rel="icon" href="/docs/favicon-32x32.png">
<link rel="stylesheet" href="/docs/swagger-ui.css">
<div id="docs"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/docs.js"></script>
</html>
"""
_PAGE_HTML = """\
<!doctype html>
<html lang="ru">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>body {{ font: 18px/1.5 sans-serif; max-width: 40em; margin: 3em auto }}</style>
<h1>{title}</h1>
{content}
</html>
"""


def operations(document: dict[str, Any]) -> tuple[Operation[Any], ...]:
    """Constant replies, made once; `document` is what /openapi.json says."""
    openapi = reply(200, JSON, orjson.dumps(document), *_SECURITY)
    pages = {
        "/docs": reply(200, HTML, _DOCS_HTML.encode(), *_SECURITY),
        "/docs/docs.js": reply(200, _JS, _DOCS_JS.encode(), *_SECURITY, _CACHED),
        "/openapi.json": openapi,
        "/problems": _page("Ошибки", "".join(map(_summary, problems.ALL))),
    }
    for name, media_type in _ASSETS.items():
        path = Path(str(swagger_ui_path), name)
        pages[f"/docs/{name}"] = file_reply(path, media_type, *_SECURITY, _CACHED)
    for problem in problems.ALL:
        pages[problems.TYPE_PREFIX + problem.name] = _page(problem.title, _explained(problem))
    return tuple(_operation(path, content) for path, content in pages.items())


def _operation(path: str, content: Reply) -> Operation[Any]:
    def answer(_: Call[None]) -> Reply:
        return in_parts(content)

    return Operation("GET", path, answer, public=True, durable=False, documented=False)


def _page(title: str, content: str) -> Reply:
    html = _PAGE_HTML.format(title=escape(title), content=content)
    return reply(200, HTML, html.encode(), *_SECURITY)


def _explained(problem: Problem) -> str:
    return (
        f"<p>{escape(problem.meaning)}</p>"
        f"<p>Код ответа {problem.status}, "
        f"тип <code>{problems.TYPE_PREFIX}{problem.name}</code>.</p>"
    )


def _summary(problem: Problem) -> str:
    address = problems.TYPE_PREFIX + problem.name
    return f'<h2><a href="{address}">{escape(problem.title)}</a></h2>{_explained(problem)}'
