"""The search of the site finds words of both languages, in a browser."""

import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml
from helpers.browser import Browser

ROOT = Path(__file__).parents[1]
PAGES = ("how-it-works.md", "zh/how-it-works.md")

OPEN = """(() => {
    const button = document.querySelector(".md-search__button");
    return button && (button.click(), true);
})()"""
DIALOG = "[...document.querySelectorAll('*')].find(one => one.shadowRoot)?.shadowRoot"
READY = f"({DIALOG})?.activeElement?.tagName == 'INPUT'"
FOUND = f"[...({DIALOG}).querySelectorAll('a[role=option]')].map(one => one.pathname)"


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """A site of two pages, by the settings of the real one but for the reference, which is slow."""
    folder = tmp_path_factory.mktemp("site")
    settings = yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))
    settings |= {"nav": list(PAGES), "plugins": ["search"], "strict": False}
    (folder / "mkdocs.yml").write_text(yaml.safe_dump(settings), "utf-8")
    shutil.copytree(ROOT / "tools/site", folder / "tools/site")
    for page in PAGES:
        (folder / "docs" / page).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "docs" / page, folder / "docs" / page)
    zensical = Path(sys.executable).with_name("zensical")
    done = subprocess.run([zensical, "build"], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / "site"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def address(site) -> Iterator[str]:
    """A server of the site."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=site)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def browser(chromium, tmp_path) -> Iterator[Browser]:
    with Browser(chromium, tmp_path / "profile") as one:
        yield one


def search(browser: Browser, page: str, words: str) -> set[str]:
    """The pages that the search of a page finds, which must be some."""
    browser.call("Emulation.setFocusEmulationEnabled", enabled=True)
    browser.call("Page.navigate", url=page)
    browser.wait_for(f"location.href == '{page}' && document.readyState == 'complete'")
    browser.wait_for(OPEN)
    browser.wait_for(READY)
    browser.call("Input.insertText", text=words)
    browser.wait_for(f"{FOUND}.length")
    return set(browser.value(FOUND))


@pytest.mark.slow
def test_words_of_both_languages_are_found(address, browser):
    assert search(browser, f"{address}/zh/how-it-works/", "阈值") == {"/zh/how-it-works/"}
    assert search(browser, f"{address}/how-it-works/", "threshold") == {"/how-it-works/"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("page", "language", "contents"),
    [("how-it-works", "en", "On this page"), ("zh/how-it-works", "zh", "目录")],
)
def test_labels_are_in_the_language_of_the_page(site, page, language, contents):
    text = (site / page / "index.html").read_text("utf-8")
    assert f'<html lang="{language}"' in text
    assert contents in text


@pytest.mark.slow
def test_chinese_headings_have_anchors(site):
    assert '<h2 id="零填充">' in (site / "zh/how-it-works/index.html").read_text("utf-8")
