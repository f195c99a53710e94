"""Write src/signbit/data/digits.npz from scikit-learn's copy of the digits.

    python tools/make_digits.py

It needs NumPy and scikit-learn. The same input leads to the same bytes.
"""

from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_digits

HIGHEST = 16
TARGET = Path(__file__).resolve().parent.parent / "src" / "signbit" / "data" / "digits.npz"


def main() -> None:
    """Scale the grey levels 0-16 to 0-255 and write images and labels, both uint8."""
    source: Any = load_digits()
    images = np.round(source.images * 255 / HIGHEST).astype(np.uint8)
    np.savez_compressed(TARGET, images=images, labels=source.target.astype(np.uint8))


if __name__ == "__main__":
    main()
