"""Links lead somewhere, and the pages are built without a warning and load nothing from elsewhere."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import markdown
import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
OUTSIDE = [path for name in ("README", "CONTRIBUTING", "CHANGELOG") if (path := ROOT / f"{name}.md").is_file()]
PAGES = [*OUTSIDE, ROOT / "datasets_cache/bundled/LICENSE.md", *sorted(DOCS.rglob("*.md"))]
EXTENSIONS = ("attr_list", "fenced_code", "md_in_html", "tables", "toc")
FETCHED = {"audio", "embed", "iframe", "img", "input", "link", "object", "script", "source", "video"}
"""Elements whose address a browser reads by itself; an `a` waits for a click."""


class Addresses(HTMLParser):
    """Everything that a page links to or loads, and the anchors that it has."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[tuple[str, str]] = []
        self.anchors: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("href", "src", "data", "srcset") and value:
                self.links.append((tag, value))
            if name in ("id", "name") and value:
                self.anchors.add(value)


def read(page: Path) -> Addresses:
    text = re.sub(r"\A---\n.*?\n---\n", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return Addresses(markdown.markdown(text, extensions=list(EXTENSIONS)))


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def outside(link: str) -> bool:
    return bool(urlsplit(link).scheme or urlsplit(link).netloc)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_relative_link_leads_to_a_file(page: Path):
    links = [unquote(urlsplit(link).path) for _, link in read(page).links if not outside(link)]
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", OUTSIDE, ids=named)
def test_every_anchor_is_a_heading(page: Path):
    """The anchors of links between the pages of ``docs`` are checked where those are built: some headings are generated."""
    missing: list[str] = []
    for _, link in read(page).links:
        parts = urlsplit(link)
        target = page.parent / unquote(parts.path) if parts.path else page
        if parts.fragment and not outside(link) and parts.fragment not in read(target).anchors:
            missing.append(link)
    assert missing == []


ELSEWHERE = sorted({link for page in PAGES for _, link in read(page).links if outside(link)})


@pytest.mark.parametrize("link", ELSEWHERE)
def test_a_link_elsewhere_is_a_whole_address(link: str):
    parts = urlsplit(link)
    assert parts.scheme == "https"
    assert re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", parts.netloc)
    assert not re.search(r"[\s<>\"]|[.,;:]$", link)
    assert not re.search(r"[?&](utm_|ref=|fbclid)", link)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built pages; a warning is an error."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    built = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return folder


def test_every_page_is_built(site: Path):
    built = {path.relative_to(site).with_suffix(".md") for path in site.rglob("*.html")}
    assert {page.relative_to(DOCS) for page in DOCS.rglob("*.md")} <= built


def test_the_pages_load_nothing_from_elsewhere(site: Path):
    loaded = {link for page in site.rglob("*.html") for tag, link in read_html(page).links if tag in FETCHED and outside(link)}
    assert {link for link in loaded if not link.startswith("data:")} == set()
    styles = [path.read_text(encoding="utf-8") for path in site.rglob("*.css")]
    assert [found for style in styles for found in re.findall(r"(?:url\(|@import )[\"']?(?:https?:)?//[^)\"']+", style)] == []


def read_html(page: Path) -> Addresses:
    return Addresses(page.read_text(encoding="utf-8"))


def test_every_setting_is_on_its_page_with_its_default_and_what_it_does(site: Path):
    page = (site / "reference/settings.html").read_text(encoding="utf-8")
    row = re.search(r"<tr>\s*<td><code>min_chars</code></td>(.*?)</tr>", page, re.DOTALL)
    assert row
    cells = [re.sub(r"<[^>]+>", "", cell) for cell in re.findall(r"<td>(.*?)</td>", row[1])]
    assert cells == ["10", "whole number ≥ 0", "A sentence is kept as the original where either text is shorter."]


def test_every_function_of_the_reference_is_on_its_page(site: Path):
    wanted = [
        (page.stem, name)
        for page in sorted((DOCS / "reference").glob("*.md"))
        for name in re.findall(r"^::: (\S+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert len(wanted) > 100
    anchors = {stem: read_html(site / f"reference/{stem}.html").anchors for stem in {stem for stem, _ in wanted}}
    assert [name for stem, name in wanted if name not in anchors[stem]] == []
