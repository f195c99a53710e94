"""Writing .npz files."""

from typing import Any

import numpy as np

from signbit.export._npz import write_npz

ARRAYS: dict[str, Any] = {
    "bits": np.array([True, False]),
    "number": np.array(2.5),
    "turned": np.arange(6, dtype=np.int32).reshape(2, 3).T,
    "codes": np.arange(4, dtype=np.uint8).reshape(1, 2, 2),
}


def test_the_file_is_that_of_numpy(tmp_path):
    write_npz(tmp_path / "ours.npz", ARRAYS)
    np.savez_compressed(tmp_path / "numpys.npz", allow_pickle=False, **ARRAYS)
    assert (tmp_path / "ours.npz").read_bytes() == (tmp_path / "numpys.npz").read_bytes()


def test_arrays_may_have_the_names_of_arguments(tmp_path):
    wanted = {
        name: np.array([index]) for index, name in enumerate(("file", "allow_pickle", "kwds"))
    }
    write_npz(tmp_path / "x.npz", wanted)
    with np.load(tmp_path / "x.npz", allow_pickle=False) as found:
        assert {name: found[name].tolist() for name in found} == {
            "file": [0],
            "allow_pickle": [1],
            "kwds": [2],
        }
