"""The page in a browser: it is read, and nothing is complained of on the console."""

import subprocess
from dataclasses import replace

from signbit.report import render


def opened(chromium: str, folder, page: str, width: int) -> tuple[str, str]:
    """The document after the browser read the page, and its console."""
    (folder / "page.html").write_text(page, "utf-8")
    done = subprocess.run(
        [
            chromium,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--enable-logging=stderr",
            f"--user-data-dir={folder / 'profile'}",
            f"--window-size={width},900",
            "--dump-dom",
            f"file://{folder / 'page.html'}",
        ],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return done.stdout, "\n".join(lines)


def test_a_browser_shows_the_page(chromium, tmp_path, subject):
    name = "<script>alert(1)</script><img src=http://localhost/x.png>"
    page = render(replace(subject, name=name, curves=[{"epoch": 1.0, "loss": 2.0}]))
    document, console = opened(chromium, tmp_path, page, 400)
    assert console == ""
    assert "Worst mistakes" in document
    assert "&lt;script&gt;alert(1)" in document
    assert "<script" not in document


def test_the_console_tells_of_what_the_page_forbids(chromium, tmp_path, subject):
    page = render(subject).replace("</main>", "<script>document.title='ran'</script></main>")
    document, console = opened(chromium, tmp_path, page, 1200)
    assert "Content Security Policy" in console
    assert "<title>ran" not in document
