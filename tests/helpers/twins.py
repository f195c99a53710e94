"""Facts of a page that do not depend on its language, and how those of two pages differ."""

import posixpath
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, fields

from markdown_it import MarkdownIt
from markdown_it.token import Token

_MARKDOWN = MarkdownIt("commonmark").enable("table")

# A sign counts where no word ends in front of it: in "-1", but not in "CIFAR-10".
_FIGURE = re.compile(
    r"((?:(?<!\w)[-+])?\d+(?:,\d{3})*(?:\.\d+)?)"
    r"(?:[ -]?(%|字节|(?:ms|s|kB|MB|GB|MiB|GiB|bytes)(?![A-Za-z])))?"
)
_IN_ENGLISH = {"字节": "bytes"}

_HAN = "[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]"
_HALF_WIDTH = re.compile(f".?{_HAN}[,;:?!)].?|.?[,;:?!] ?{_HAN}.?|.?[(]{_HAN}.?")

_HASH, _STARS, _SLASHES = r"(?:(?<=\s)|^)# .*$", r"/\*.*?\*/", r"(?:(?<=\s)|^)// .*$"
# Shell blocks write files in Python and C. What a console shows has no comments.
_COMMENTS = {
    "c": f"{_STARS}|{_SLASHES}",
    "python": _HASH,
    "sh": f"{_HASH}|{_STARS}",
    "toml": _HASH,
    "yaml": _HASH,
}


@dataclass
class Facts:
    """What a page and its translation have in common."""

    headings: list[str] = field(default_factory=list)
    blocks: list[str] = field(default_factory=list)
    rows: list[str] = field(default_factory=list)
    pictures: list[str] = field(default_factory=list)
    links: Counter[str] = field(default_factory=Counter)
    code: Counter[str] = field(default_factory=Counter)
    figures: Counter[str] = field(default_factory=Counter)


def english(place: str) -> str:
    """The place of the English twin of a page; an English page is its own."""
    return place.replace("docs/zh/", "docs/").replace(".zh-CN.", ".")


def facts(page: str, place: str) -> Facts:
    """The facts of a page in Markdown.

    place: its path from the root of the tree. Links to other pages become paths from there, and
    those to Chinese pages become the paths of their English twins.
    """
    found, tokens = Facts(), _MARKDOWN.parse(page)
    for token in tokens:
        if token.type == "heading_open":
            found.headings.append(token.tag)
        elif token.type in ("fence", "code_block"):
            found.blocks.append(f"{token.info}\n{without_comments(token.content, token.info)}")
        elif token.type == "inline":
            _add_text(found, token, place)
    found.rows.extend(_rows(tokens))
    found.code = Counter(set(found.code))  # one language may name a thing again, the other say "it"
    return found


def links(page: str, place: str) -> list[str]:
    """The pages that a page links to, as paths from the root of the tree."""
    return [target for text in _texts(page) for target in _links(text, place)]


def language_links(page: str, place: str) -> list[str]:
    """The pages that the line below the title links to."""
    return [target for text in _texts(page)[1:2] for target in _links(text, place)]


def without_comments(block: str, language: str) -> str:
    pattern = _COMMENTS.get(language)
    if pattern:
        block = re.sub(pattern, "", block, flags=re.MULTILINE)
    return "\n".join(line.rstrip() for line in block.splitlines())


def figures(text: str) -> Iterator[str]:
    """The numbers of a text with their units, the units in English."""
    for number, unit in _FIGURE.findall(text):
        yield f"{number} {_IN_ENGLISH.get(unit, unit)}".rstrip()


def half_width(page: str) -> list[str]:
    """The half-width punctuation next to Chinese, with what stands around it, outside code."""
    return [found for text in _texts(page) for found in _HALF_WIDTH.findall(_prose(text))]


def differences(one: Facts, other: Facts) -> list[str]:
    """A line for each kind of fact that differs."""
    pairs = ((f.name, getattr(one, f.name), getattr(other, f.name)) for f in fields(Facts))
    return [f"{name}: {_first(a, b)}" for name, a, b in pairs if a != b]


def _first(one: list[str] | Counter[str], other: list[str] | Counter[str]) -> str:
    """Where two lists part, or what each of two counters has more of."""
    if isinstance(one, Counter) and isinstance(other, Counter):
        return f"{dict(one - other)} against {dict(other - one)}"
    at = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), None)
    if at is None:
        return f"{len(one)} against {len(other)}"
    return f"number {at + 1} is {list(one)[at]!r} against {list(other)[at]!r}"


def _add_text(found: Facts, token: Token, place: str) -> None:
    for part in token.children or []:
        if part.type == "code_inline":
            found.code[part.content] += 1
        elif part.type == "image":
            found.pictures.append(_target(str(part.attrs["src"]), place))
    found.links.update(english(target) for target in _links(token, place))
    found.figures.update(figures(_text(token)))


def _texts(page: str) -> list[Token]:
    return [token for token in _MARKDOWN.parse(page) if token.type == "inline"]


def _links(text: Token, place: str) -> Iterator[str]:
    for part in text.children or []:
        if part.type == "link_open":
            yield _target(str(part.attrs["href"]), place)


def _text(token: Token) -> str:
    """The words of a paragraph or cell, without code."""
    parts = token.children or []
    return "".join(part.content if part.type in ("text", "image") else " " for part in parts)


def _prose(token: Token) -> str:
    """The words of a paragraph or cell as a reader sees them, with ` in the place of code."""
    shown = {"code_inline": "`", "softbreak": "\n", "hardbreak": "\n"}
    parts = token.children or []
    return "".join(
        part.content if part.type in ("text", "image") else shown.get(part.type, "")
        for part in parts
    )


def _rows(tokens: list[Token]) -> Iterator[str]:
    """Each row of a table: how many cells it has, and the code and figures in them."""
    cells: list[Token] = []
    for token in tokens:
        if token.type == "tr_open":
            cells = []
        elif token.type == "inline":
            cells.append(token)
        elif token.type == "tr_close":
            parts = [part for cell in cells for part in cell.children or []]
            code = sorted(part.content for part in parts if part.type == "code_inline")
            numbers = sorted(figure for cell in cells for figure in figures(_text(cell)))
            yield f"{len(cells)} cells, {' '.join(code)}, {' '.join(numbers)}"


def _target(link: str, place: str) -> str:
    """Where a link leads, without its anchor, whose language is that of the page."""
    path = link.partition("#")[0]
    if "://" in path:
        return path
    return posixpath.normpath(posixpath.join(posixpath.dirname(place), path)) if path else place
