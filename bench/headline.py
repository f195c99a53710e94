"""Measure and draw the first picture of the README: one network as 1 bit, int8 and float32.

    python bench/headline.py                # measures, writes bench/headline.json, draws
    python bench/headline.py --draw         # draws what bench/headline.json holds

signbit and ONNX Runtime are measured in turn, in one process, on one thread, one image at a time.
ONNX Runtime runs layers of the same shapes. The accuracy is that of the card in the zoo: of the
packed network, and of the network of real numbers that taught it.
"""

import argparse
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from signbit import zoo
from signbit.bench import bench
from signbit.format import PackedModel
from signbit.passes.float_twin import float_twin
from signbit.progress import progress_bar

NETWORK = "vgg_cifar10_binary"
ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "bench" / "headline.json"
PICTURES = ROOT / "docs" / "pictures"
# Text, signbit's bars, other bars.
COLOURS = {"light": ("#1f2328", "#e8590c", "#9aa5b1"), "dark": ("#e6edf3", "#ff922b", "#6e7b88")}
Bars = Sequence[tuple[str, float, str]]


def main() -> None:
    """Measure, write and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--draw", action="store_true", help="measure nothing")
    options = parser.parse_args()
    if not options.draw:
        RESULT.write_text(json.dumps(measured(options.rounds), indent=1) + "\n", "utf-8")
    for theme, colours in COLOURS.items():
        draw(json.loads(RESULT.read_text("utf-8")), colours, PICTURES / f"headline-{theme}.svg")


def measured(rounds: int) -> dict[str, object]:
    """Milliseconds of an image and bytes of weights, by runtime."""
    content = zoo.read(NETWORK)
    model = PackedModel.load(content)
    with progress_bar(NETWORK, rounds) as advance:
        made = bench(model, 1, rounds=rounds, advance=advance)
    if missing := {name: why for name, why in made.missing.items() if "onnxruntime" in name}:
        raise SystemExit(f"headline: {missing}; pip install '.[peers]'")
    weights = sum(
        node.tensors["weight"].size for node in float_twin(model).nodes if node.op == "conv_f32"
    )
    return {
        "network": NETWORK,
        "date": datetime.now(UTC).date().isoformat(),
        "processor": made.processor,
        "isa": made.isa,
        "milliseconds": {
            "signbit": round(1e3 * made.seconds[1], 3),
            "int8": round(1e3 * made.peers["onnxruntime int8"][1], 2),
            "float32": round(1e3 * made.peers["onnxruntime float32"][1], 2),
        },
        "bytes": {"signbit": len(content), "int8": weights, "float32": 4 * weights},
    }


def draw(result: dict[str, dict[str, float]], colours: tuple[str, str, str], path: Path) -> None:
    """Three groups of bars on a transparent ground."""
    times, sizes, card = result["milliseconds"], result["bytes"], zoo.card(NETWORK)
    assert card.teacher is not None
    teacher = 100 * card.teacher["val_accuracy"]
    groups: dict[str, Bars] = {
        "Time of one image": [
            (name, time, f"{time:.3g} ms{_ratio(time, times['signbit'])}")
            for name, time in times.items()
        ],
        "Size": [
            (name, size, f"{size / 1e6:.3g} MB{_ratio(size, sizes['signbit'])}")
            for name, size in sizes.items()
        ],
        "Accuracy, CIFAR-10": [
            ("signbit", 100 * card.top1_mean, f"{100 * card.top1_mean:.1f} %"),
            ("int8", 0.0, "not measured"),
            ("float32,\nResNet-18", teacher, f"{teacher:.1f} %"),
        ],
    }
    with plt.rc_context({"text.color": colours[0], "ytick.color": colours[0], "font.size": 10}):
        figure, axes = plt.subplots(1, 3, figsize=(10, 1.9))
        for axis, (title, bars) in zip(axes, groups.items(), strict=True):
            _bars(axis, title, bars, colours)
        figure.tight_layout(w_pad=2.5)
        # Without a date, the same figures give the same file.
        figure.savefig(path, transparent=True, metadata={"Date": None})
    plt.close(figure)


def _ratio(value: float, own: float) -> str:
    return "" if value == own else f" ({value / own:.1f}x)"


def _bars(axis: Axes, title: str, bars: Bars, colours: tuple[str, str, str]) -> None:
    names, values, labels = zip(*bars, strict=True)
    drawn = axis.barh(
        names, values, height=0.62, color=[colours[1], *[colours[2]] * (len(bars) - 1)]
    )
    axis.bar_label(drawn, labels, padding=4)
    axis.set_title(title, loc="left", fontsize=11, fontweight="bold")
    axis.set_xlim(0, 1.55 * max(values))
    axis.invert_yaxis()  # the first bar on top
    axis.xaxis.set_visible(False)
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)


if __name__ == "__main__":
    main()
