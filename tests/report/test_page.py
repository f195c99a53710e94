import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from helpers.tasks import maps_of_classes, rows_of_classes, rows_of_labels, rows_of_numbers
from report.conftest import observed_of

from signbit.bench import bench
from signbit.errors import UsageError
from signbit.report import Mistake, Subject, choose_layer, render
from signbit.report._section import sections

HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(2)>\x1b[2J'
CURVES = [
    {"epoch": 1.0, "loss": 2.0, "val_loss": 1.5, "accuracy": 0.3, "val_accuracy": 0.5},
    {"epoch": 2.0, "loss": 1.0, "val_loss": float("nan"), "flipped": 0.1, "flipped/conv": 0.125},
    {"epoch": 3.0, "loss": float("inf"), "lr": 0.1, "flipped/conv": 0.0, "clipped/conv": 0.25},
]


class Reader(HTMLParser):
    """Texts, tags and attributes of a page, as a browser reads them."""

    def __init__(self, page: str):
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += f" {data}"


def section_of(subject: Subject, name: str) -> str:
    page = render(subject)
    found = re.search(rf'<section id="{name}".*?</section>', page, re.DOTALL)
    assert found
    return found[0]


def test_every_section_is_on_the_page_in_order(subject):
    page = render(subject)
    places = [page.index(f'<section id="{name}"') for name in by_place()]
    assert places == sorted(places)
    for name in sections.names():
        assert sections.get(name).lead.endswith(".")
        assert f'href="#{name}"' in page


def test_the_page_of_the_docs_has_a_row_for_each_section():
    page = (Path(__file__).parents[2] / "docs" / "report.md").read_text("utf-8")
    assert re.findall(r"^\| ([A-Z][^|]*) \|", page, re.MULTILINE) == [
        sections.get(name).title for name in by_place()
    ]


def by_place() -> list[str]:
    return sorted(sections.names(), key=lambda name: sections.get(name).place)


def test_the_page_loads_nothing_and_runs_nothing(subject):
    read = Reader(render(replace(subject, curves=CURVES)))
    assert not {tag for tag, _ in read.tags} & {"script", "link", "iframe", "object", "base"}
    for tag, attributes in read.tags:
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("src", "href"):
            assert (attributes.get(name) or "#").startswith(("#", "data:image/png;base64,")), tag
        if tag == "img":
            assert attributes["alt"]


def test_texts_of_files_stay_texts(subject):
    bad = Mistake(HOSTILE, HOSTILE, 0.9, HOSTILE, 0.1, np.zeros((4, 4, 1), np.uint8))
    figures = subject.observed.outputs["scores"]
    names = [HOSTILE, *figures["classes"][1:]]
    figures = {**figures, "classes": names, "per_class": dict.fromkeys(names, 0.5)}
    observed = replace(subject.observed, data=HOSTILE, mistakes=[bad], outputs={"scores": figures})
    info = {"modules": [{"module": HOSTILE, "nodes": [1, 2]}]}
    model = replace(subject.model, info=info)
    curves = [{"epoch": 1.0, f"val_{HOSTILE}": 1.0, f"flipped/{HOSTILE}": 0.5}]
    facts = {"command": HOSTILE}
    changed = replace(
        subject, name=HOSTILE, model=model, observed=observed, curves=curves, facts=facts
    )
    plain, page = Reader(render(replace(subject, curves=CURVES))), render(changed)
    read = Reader(page)
    assert "script" not in {tag for tag, _ in read.tags}
    assert {tag for tag, _ in read.tags} <= {tag for tag, _ in plain.tags} | {"code", "polyline"}
    assert "\x1b" not in page
    assert read.text.count("<script>alert(1)</script>") >= 8
    assert not [1 for _, attributes in read.tags if "onerror" in attributes]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("accuracy", "No data was given."),
        ("mistakes", "No data was given."),
        ("bitmaps", "Activations need samples."),
        ("training", "of a file"),
        ("quiet_bits", "Without data, only thresholds out of reach are known."),
    ],
)
def test_what_does_not_apply_is_said(subject, name, says):
    alone = replace(subject, observed=None, bits=None, no_curves="Not of a file.")
    assert says in section_of(alone, name)


def test_figures_stand_on_the_page(subject):
    observed = subject.observed
    text = Reader(render(subject)).text
    top1 = 100 * observed.outputs["scores"]["top1"]
    assert f"{top1:.2f} %" in text
    assert f"{observed.wrong:,} of 360 samples are wrong" in text
    assert "1,234 bytes" in text
    counts = np.array(observed.outputs["scores"]["confusion"])
    cells = re.findall(r'<td class="number (?:right|wrong)"[^>]*>([^<]*)', render(subject))
    assert [int(one) if one != "·" else 0 for one in cells] == counts.ravel().tolist()
    assert re.search(rf">{counts.sum(axis=1)[3]}</td>", section_of(subject, "accuracy"))


def test_many_classes_have_no_matrix(subject):
    names = [f"class {number}" for number in range(30)]
    counts = np.diag(np.arange(100, 130))
    counts[7, 3] = 50
    shares = dict(zip(names, np.diagonal(counts) / counts.sum(axis=1), strict=True))
    figures = {**subject.observed.outputs["scores"], "classes": names}
    figures |= {"confusion": counts.tolist(), "per_class": shares}
    observed = replace(subject.observed, outputs={"scores": figures})
    drawn = section_of(replace(subject, observed=observed), "accuracy")
    assert 'class="confusion"' not in drawn
    assert "The 20 classes with the lowest accuracy." in drawn
    pair = re.findall(r"<tr>(.*?)</tr>", drawn[drawn.index("most frequent") :])[1]
    assert re.findall(r">([^<>]+)</td>", pair) == ["class 7", "class 3", "50", "31.85 %"]


def test_curves_leave_out_what_is_no_number(subject):
    drawn = section_of(replace(subject, curves=CURVES), "training")
    assert drawn.count("<figure") == 4  # loss, accuracy, flips, learning rate
    assert "nan" not in drawn
    assert "inf" not in drawn.replace("info", "")
    # Two finite losses make a line; the zero flips are left out of the logarithmic axis.
    assert (
        len(re.findall(r'<polyline points="[\d.]+,[\d.]+ [\d.]+,[\d.]+" class="line first"', drawn))
        == 1
    )
    assert "12.5 %" not in drawn
    assert "25 %" in drawn


@pytest.mark.parametrize(
    ("model", "lines", "says"),
    [
        (rows_of_classes(), ("x,y,z,kind", "1,2,3,c", "3,2,1,b"), "50.00 %"),
        (rows_of_labels(), ("a,b,wet,hot", "1,-1,1,0", "1,1,0,1"), "mean average precision"),
        (rows_of_numbers(), ("a,b,sum,difference", "1,2,3,-1", "2,2,5,0"), "RMSE"),
    ],
)
def test_networks_of_other_tasks_have_a_page(tmp_path, model, lines, says):
    (tmp_path / "data.csv").write_text("\n".join(lines) + "\n")
    observed = observed_of(model, str(tmp_path / "data.csv"))
    times = bench(model, 1, (1,), 1, with_peers=False)
    subject = Subject("net", model, 1, times, choose_layer(model, None), observed=observed, bits=[])
    text = Reader(render(subject)).text
    assert says in text
    assert "No layer of this network has weights of one bit." in text
    assert "No value inside of this network is turned into bits." in text
    assert "time of one sample" in text


def test_a_map_of_classes_has_its_iou(tmp_path):
    model = maps_of_classes()
    pixels = np.zeros((3, 4, 4, 3), np.uint8)
    pixels[..., 0] = 9
    mask = np.zeros((3, 4, 4), np.int64)
    mask[0] = 1
    np.savez(tmp_path / "d.npz", pixels=pixels, mask=mask)
    observed = observed_of(model, str(tmp_path / "d.npz"))
    subject = Subject("net", model, 1, bench(model, 1, (1,), 1, with_peers=False), None)
    text = Reader(render(replace(subject, observed=observed))).text
    assert "66.67 % of 48 pixels" in text


def test_the_layer_is_asked_for_by_node_or_module(digits):
    assert choose_layer(digits, None) == 1
    assert choose_layer(digits, "3") == 3
    assert choose_layer(digits, "features.3") == 3
    with pytest.raises(
        UsageError, match=r"--layer 'features\.4' has no binary weights; give one of"
    ):
        choose_layer(digits, "features.4")


def test_the_largest_pictures_stay_below_the_bound(subject):
    noise = np.random.default_rng(0).integers(0, 256, (500, 400, 3), dtype=np.uint8)
    bad = Mistake("1", "a", 0.9, "b", 0.1, noise)
    observed = replace(subject.observed, mistakes=[bad] * 24)
    assert len(render(replace(subject, observed=observed))) < 3_000_000
