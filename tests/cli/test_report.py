import json
import re
import subprocess
import sys

import pytest
from helpers.networks import packed

QUICK = ("--no-peers", "--rounds", 1)


@pytest.fixture
def network(tmp_path):
    packed("digits").save(tmp_path / "net.signbit")
    return tmp_path / "net.signbit"


def test_a_packed_network_with_data(signbit, network, tmp_path):
    out, err = signbit("report", network, "--data", "digits", "-o", tmp_path / "r.html", *QUICK)
    assert "r.html: " in out
    assert "evaluating" in err
    page = (tmp_path / "r.html").read_text("utf-8")
    signbit("evaluate", network, "--data", "digits", "--json", tmp_path / "e.json")
    top1 = json.loads((tmp_path / "e.json").read_text())["top1"]
    assert f"{100 * top1:.2f} % of 360 samples" in page
    assert f"{network.stat().st_size:,} bytes" in page
    assert "A packed file has no curves." in page
    assert f"{network} --data digits --threads 1 --rounds 1 --no-peers -o {tmp_path}" in page


def test_a_run_has_its_curves(signbit, checkpoint, tmp_path):
    rows = "epoch,loss,val_loss,flipped,flipped/features.0\n1,2.5,2,0.2,0.3\n2,1.5,1,0.1,0.25\n"
    (checkpoint.parent / "metrics.csv").write_text(rows)
    signbit("report", checkpoint.parent, "-o", tmp_path / "r.html", *QUICK)
    page = (tmp_path / "r.html").read_text("utf-8")
    assert page.count('<figure class="chart">') == 2
    assert "30 %" in page
    assert "No data was given." in page


def test_the_file_of_a_checkpoint_says_where_curves_are(signbit, checkpoint, tmp_path):
    signbit("report", checkpoint, "-o", tmp_path / "r.html", *QUICK)
    assert "The folder of a run also has the curves" in (tmp_path / "r.html").read_text("utf-8")


def test_only_times_differ_between_two_pages(signbit, network, tmp_path):
    pages = []
    for _ in range(2):
        signbit("report", network, "--data", "digits", "-o", tmp_path / "r.html", *QUICK)
        page = (tmp_path / "r.html").read_text("utf-8")
        page = re.sub(r"[\d.]+ (µs|ms|s)\b|\d+%|width:[\d.]+%|\d{4}-\d\d-\d\d \d\d:\d\d", "#", page)
        pages.append(page)
    assert pages[0] == pages[1]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--split", "train"), "--split is for --data"),
        (("--threshold", "0.3"), "--threshold is for --data"),
        (("--data", "digits", "--split", "all"), "--split all: give test or train"),
        (("--model", "resnet20"), "contains its architecture"),
        (("--layer", "nowhere"), "--layer 'nowhere' has no binary weights; give one of"),
        (("--data", "digits", "--features", "a"), "has no columns"),
    ],
)
def test_options_that_do_not_fit_are_refused(signbit, network, tmp_path, options, says):
    signbit.refused("report", network, "-o", tmp_path / "r.html", *options, code=2, says=says)
    assert not (tmp_path / "r.html").exists()


def test_the_page_is_html_and_not_the_network(signbit, network, tmp_path):
    signbit.refused("report", network, "-o", tmp_path / "r.pdf", code=2, says="ends in .html")
    before = network.read_bytes()
    signbit.refused("report", network, "-o", network, code=2, says="ends in .html")
    assert network.read_bytes() == before


def test_a_packed_network_needs_no_torch(network, tmp_path):
    command = [str(network), "--data", "digits", "-o", str(tmp_path / "r.html"), "--no-peers"]
    code = (
        "import sys; from signbit.cli import main\n"
        f"try: main(['report', *{command}])\n"
        "except SystemExit as end: assert not end.code\n"
        "assert 'torch' not in sys.modules and 'matplotlib' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert "Worst mistakes" in (tmp_path / "r.html").read_text("utf-8")


def test_help_has_two_examples(signbit):
    out, _ = signbit("report", "--help")
    assert out.count("signbit report ") == 2
