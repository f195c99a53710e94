"""A Chinese page says what its English twin says: the same commands, figures, tables and links."""

import json
from pathlib import Path

import pytest
from helpers.twins import (
    differences,
    english,
    facts,
    figures,
    half_width,
    language_links,
    links,
    without_comments,
)

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in [*(ROOT / "docs/zh").rglob("*.md"), *ROOT.glob("*.zh-CN.md")]
)


def text(place: str) -> str:
    return (ROOT / place).read_text("utf-8")


def test_the_pages_that_one_reads_first_are_in_chinese():
    assert {"docs/zh/how-it-works.md", "docs/zh/packing.md", "docs/zh/export/README.md"} <= set(
        PAGES
    )


@pytest.mark.parametrize("page", PAGES)
def test_a_page_and_its_twin_link_each_other_below_their_titles(page):
    twin = english(page)
    assert (ROOT / twin).is_file()
    assert twin in language_links(text(page), page)
    assert page in language_links(text(twin), twin)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_says_what_its_twin_says(page):
    twin = english(page)
    found = differences(facts(text(page), page), facts(text(twin), twin))
    assert not found, "\n".join(found)


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_pages_of_the_same_language(page):
    """The line below the title alone leads to the other language."""
    twin = english(page)
    in_english = {english(one) for one in PAGES} & set(links(text(page), page))
    in_chinese = set(PAGES) & set(links(text(twin), twin))
    assert (in_english, in_chinese) == ({twin}, {page})


@pytest.mark.parametrize("page", [*PAGES, "docs/glossary.md"])
def test_punctuation_next_to_chinese_is_full_width(page):
    assert half_width(text(page)) == []


def test_punctuation_of_the_notebook_is_full_width():
    cells = json.loads(text("docs/notebooks/learning-notes.zh-CN.ipynb"))["cells"]
    texts = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
    assert len(texts) > 20
    assert [found for cell in texts for found in half_width(cell)] == []


ENGLISH = """# Title

[中文](zh/page.md)

A net of 64-bit words needs 582,064 bytes and 2.65 ms, 16 % of `old`: see [more](more.md#a-b).

![A picture](pictures/a.png)

| network | flash |
|---|---|
| `a` | 10,640 |
| `b` | 25,164 |

```sh
signbit pack net.py:Net -o net.signbit  # a comment
signbit export net.signbit --to c
```

## Second title
"""
CHINESE = """# 标题

[English](../page.md)

字为 64 位的网络占 582,064 字节、用时 2.65 ms、即 `old` 的 16 %。见[更多](../more.md#一-二)。

![图](../pictures/a.png)

| 网络 | 闪存 |
|---|---|
| `a` | 10,640 |
| `b` | 25,164 |

```sh
signbit pack net.py:Net -o net.signbit  # 注释
signbit export net.signbit --to c
```

## 第二个标题
"""


def differing(chinese: str) -> list[str]:
    """The kinds of facts in which a Chinese page differs from the English one above."""
    ours, twins = facts(chinese, "docs/zh/page.md"), facts(ENGLISH, "docs/page.md")
    return [line.partition(":")[0] for line in differences(ours, twins)]


def test_a_true_translation_passes():
    assert differing(CHINESE) == []


@pytest.mark.parametrize(
    ("there", "instead", "kinds"),
    [
        ("2.65 ms", "2.56 ms", ["figures"]),
        ("2.65 ms", "2.65 s", ["figures"]),
        ("582,064 字节", "582,064 位", ["figures"]),
        ("16 %", "-16 %", ["figures"]),
        ("16 %", "16", ["figures"]),
        ("| `b` | 25,164 |", "| `b` | 25,146 |", ["rows", "figures"]),
        ("| `b` | 25,164 |\n", "", ["rows", "code", "figures"]),
        ("| `b` | 25,164 |", "| `b` 25,164 | |", []),
        ("| `b` | 25,164 |", "| `a` | 25,164 |", ["rows", "code"]),
        ("signbit export net.signbit --to c\n", "", ["blocks"]),
        ("-o net.signbit", "-o net", ["blocks"]),
        ("```sh", "```python", ["blocks"]),
        ("`old`", "`new`", ["code"]),
        ("../more.md", "../less.md", ["links"]),
        ("[更多](../more.md#一-二)", "更多", ["links"]),
        ("a.png", "b.png", ["pictures"]),
        ("## 第", "### 第", ["headings"]),
        ("## 第二个标题", "", ["headings"]),
    ],
)
def test_what_a_translation_changed_is_found(there, instead, kinds):
    assert CHINESE.count(there) == 1
    assert differing(CHINESE.replace(there, instead)) == kinds


def test_differences_say_what_differs():
    changed = CHINESE.replace("2.65 ms", "2.56 ms").replace("--to c", "--to mat")
    ours, twins = facts(changed, "docs/zh/page.md"), facts(ENGLISH, "docs/page.md")
    blocks, found = differences(ours, twins)
    assert "--to mat" in blocks
    assert "--to c" in blocks
    assert found == "figures: {'2.56 ms': 1} against {'2.65 ms': 1}"


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("字,位", ["字,位"]),
        ("字; 位", ["字; "]),
        ("**字**: 位", ["字: "]),
        ("见[更多](a.md)?", ["更多?"]),
        ("用 `a`,得到位", ["`,得到"]),
        ("Larq, 引擎", ["q, 引擎"]),
        ("16 % (教师)", [" (教师"]),
        ("| 字 | 位:4 |\n|---|---|\n| 1 | 字 |", ["位:4"]),
        ("字，位；`a, b:c` (N, C) 在 [位](a.md?b:位)：16:9，-1, +1（“好”）？", []),
        ("```\n字,位\n```\n\n    字:位", []),
    ],
)
def test_half_width_punctuation_next_to_chinese_is_found(words, found):
    assert half_width(words) == found


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("-1 and +1, [-2, 2]", ["-1", "+1", "-2", "2"]),
        ("CIFAR-10 in float32", ["10", "32"]),
        ("2^24 = 16,777,216.", ["2", "24", "16,777,216"]),
        ("0.5 s, 4.5 GB, 20 samples", ["0.5 s", "4.5 GB", "20"]),
        ("8 字节, 16 %", ["8 bytes", "16 %"]),
    ],
)
def test_figures_are_numbers_with_signs_and_units(words, found):
    assert list(figures(words)) == found


def test_comments_are_left_out_and_code_is_not():
    assert without_comments("a = 1  # one\n# two\nb = '#'", "python") == "a = 1\n\nb = '#'"
    assert without_comments("#include <a.h>\nint b; /* c */ // d", "c") == "#include <a.h>\nint b;"
    assert without_comments("cat <<E\n#include <a.h> /* b */\nE # c", "sh") == (
        "cat <<E\n#include <a.h>\nE"
    )
    assert without_comments("word c // 64 # 5", "console") == "word c // 64 # 5"
