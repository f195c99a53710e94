"""Draw the pictures of docs/report.md from a page of `signbit report`; needs Chromium.

python tools/make_report_picture.py report.html

docs/pictures/report.png shows the top of the page. docs/pictures/report_bits.png shows the bits of
a layer and the curves of the training. Both are light, also on a dark page.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageChops

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
# By the name of the picture, the parts that it leaves out, as a selector of CSS.
LEFT_OUT = {
    "report": "section:not(#accuracy, #mistakes, #comparison), footer",
    "report_bits": "section:not(#bitmaps, #training), header, footer",
}
WIDTH, HEIGHT, MARGIN, COLOURS = 1200, 6000, 24, 256


def make_pictures(page: Path) -> None:
    """Open the page in a browser, once for each picture."""
    html = page.read_text("utf-8")
    for name, left_out in LEFT_OUT.items():
        style = f"<style>{left_out} {{ display: none }}</style></head>"
        shown = screenshot(html.replace("</head>", style, 1))
        picture = shown.quantize(COLOURS, dither=Image.Dither.NONE)
        picture.save(PICTURES / f"{name}.png", optimize=True)


def screenshot(html: str) -> Image.Image:
    """The page as the browser draws it, without the empty rows below it."""
    with tempfile.TemporaryDirectory() as folder:
        page, shot = Path(folder) / "page.html", Path(folder) / "page.png"
        page.write_text(html, "utf-8")
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        options += [f"--window-size={WIDTH},{HEIGHT}", f"--screenshot={shot}"]
        subprocess.run(["chromium", *options, page.as_uri()], check=True)
        whole = Image.open(shot).convert("RGB")
    empty = Image.new("RGB", whole.size, whole.getpixel((0, HEIGHT - 1)))
    box = ImageChops.difference(whole, empty).getbbox()
    return whole.crop((0, 0, WIDTH, min(HEIGHT, (box[3] if box else 0) + MARGIN)))


if __name__ == "__main__":
    make_pictures(Path(sys.argv[1]))
