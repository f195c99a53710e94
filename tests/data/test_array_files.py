import io
import zipfile

import numpy as np
import pytest

from signbit.data._array_files import ArrayFile
from signbit.data._array_samples import ArraySamples
from signbit.data._samples import Selection, Target
from signbit.errors import DataError, UsageError
from signbit.format import Input

WAVE = Input.numbers("wave", (3, 2))
FLAGS = Input.bits("flags", (2,))
KIND = Target("kind", "classes", (2,), ("no", "yes"), True)
PARTS = Target("parts", "classes", (3, 4), tuple("abcd"), True)
SIZE = Target("size", "numbers", (1,), ("0",), False)
GIVEN = {
    "wave": np.arange(30, dtype=np.float32).reshape(5, 3, 2),
    "flags": np.array([[1, 0], [0, 1], [1, 1], [0, 0], [1, 0]]),
    "kind": np.array(["yes", "no", "no", "yes", "no"]),
    "parts": np.arange(15).reshape(5, 3) % 4,
    "size": np.arange(5.0),
}
ALL = (KIND, PARTS, SIZE)

NOTHING = Selection()


def opened(path, inputs=(WAVE, FLAGS), targets=ALL, chosen=NOTHING):
    return ArraySamples(ArrayFile(path), inputs, targets, chosen)


def saved(path, **changed):
    arrays = {**GIVEN, **changed}
    np.savez_compressed(path, **{name: one for name, one in arrays.items() if one is not None})
    return path


@pytest.mark.parametrize("size", [1, 2, 5, 100])
def test_arrays_are_inputs_and_targets_by_their_names(tmp_path, size):
    samples = opened(saved(tmp_path / "x.npz"))
    batches = list(samples.batches(size))
    assert samples.count == sum(map(len, batches)) == 5
    assert [place for one in batches for place in one.places] == list("01234")

    def joined(kind, name):
        return np.concatenate([getattr(one, kind)[name] for one in batches])

    np.testing.assert_array_equal(joined("inputs", "wave"), GIVEN["wave"])
    np.testing.assert_array_equal(joined("inputs", "flags"), GIVEN["flags"] == 1)
    assert joined("targets", "kind").tolist() == [1, 0, 0, 1, 0]
    np.testing.assert_array_equal(joined("targets", "parts"), GIVEN["parts"])
    assert joined("targets", "size").tolist() == [[0], [1], [2], [3], [4]]


def test_arrays_in_fortrans_order_and_other_types_are_the_same_numbers(tmp_path):
    wave = np.asfortranarray(GIVEN["wave"].astype(">f8"))
    (first, _, _) = opened(saved(tmp_path / "x.npz", wave=wave)).batches(2)
    np.testing.assert_array_equal(first.inputs["wave"], GIVEN["wave"][:2])
    assert first.inputs["wave"].dtype == np.float32


def test_arrays_of_other_names_can_be_chosen_and_ignored(tmp_path):
    np.savez(tmp_path / "x.npz", x=GIVEN["wave"], y=GIVEN["kind"], z=GIVEN["kind"])
    chosen = Selection([(None, ["x"])], [(None, ["y"])], ["z"])
    samples = opened(tmp_path / "x.npz", (WAVE,), (KIND,), chosen)
    assert samples.targets == ("kind",)
    assert next(samples.batches(5)).targets["kind"].tolist() == [1, 0, 0, 1, 0]


def test_a_npy_is_the_one_input(tmp_path):
    np.save(tmp_path / "x.npy", GIVEN["wave"])
    samples = opened(tmp_path / "x.npy", (WAVE,))
    np.testing.assert_array_equal(next(samples.batches(9)).inputs["wave"], GIVEN["wave"])
    assert samples.targets == ()


@pytest.mark.parametrize(
    ("changed", "kind", "says"),
    [
        ({"wave": GIVEN["wave"][:4]}, DataError, "'flags' has 5 samples, and array 'wave' has 4"),
        ({"wave": None}, DataError, "no array for input 'wave'; it has flags, kind"),
        ({"wave": np.zeros((5, 6))}, DataError, r"shape \(5, 6\); input wave \(f32, 3, 2\)"),
        ({"wave": np.array(["a"] * 30).reshape(5, 3, 2)}, DataError, "accepts numbers or bool"),
        ({"wave": np.float32(3)}, DataError, r"shape \(\); give one or more samples"),
        ({"wave": np.zeros((0, 3, 2))}, DataError, r"shape \(0, 3, 2\); give one or more"),
        ({"wave": np.zeros((5, 3, 2), complex)}, DataError, "array of complex128"),
        ({"kind": np.zeros((5, 2))}, DataError, r"output 'kind' \(classes\) need \(N,\)"),
        ({"parts": np.zeros((5, 4), int)}, DataError, r"'parts' \(classes\) need \(N, 3\)"),
        ({"kind": np.zeros(5, "U5000")}, DataError, "texts of 20000 bytes; at most 16384"),
        ({"extra": np.zeros(5)}, UsageError, "'extra' has neither the name of an input nor"),
    ],
)
def test_arrays_that_do_not_suit_the_network_are_refused(tmp_path, changed, kind, says):
    with pytest.raises(kind, match=says):
        opened(saved(tmp_path / "x.npz", **changed))


def test_whole_numbers_for_codes_need_a_decision(tmp_path):
    one = Input.fixed_point("x", (2,), 0.5, -8.0)
    np.savez(tmp_path / "x.npz", x=np.array([[3, 4]]))
    with pytest.raises(DataError, match="int64, which may be codes or real numbers"):
        opened(tmp_path / "x.npz", (one,), ())
    samples = opened(tmp_path / "x.npz", (one,), (), Selection(codes=True))
    assert next(samples.batches(1)).inputs["x"].tolist() == [[3, 4]]


def test_a_wrong_value_is_refused_with_array_sample_and_place(tmp_path):
    wave = GIVEN["wave"].copy()
    wave[3, 2, 1] = np.nan
    samples = opened(saved(tmp_path / "x.npz", wave=wave))
    with pytest.raises(DataError, match=r"array 'wave', sample 3 at \(2, 1\): NaN"):
        list(samples.batches(2))
    samples = opened(saved(tmp_path / "x.npz", parts=np.full((5, 3), 4)))
    with pytest.raises(DataError, match=r"array 'parts', sample 0 at \(0,\): label 4"):
        list(samples.batches(2))


def test_a_file_that_ends_early_is_one_clear_error(tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, GIVEN["wave"])
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match=r"x\.npy: the file ends early, after 23 of 24 bytes"):
        list(opened(path, (WAVE,)).batches(1))
    content = saved(tmp_path / "x.npz").read_bytes()
    (tmp_path / "x.npz").write_bytes(content[:-10])
    with pytest.raises(DataError, match=r"damaged \.npz"):
        opened(tmp_path / "x.npz")


@pytest.mark.parametrize("compression", ["ZIP_DEFLATED", "ZIP_BZIP2", "ZIP_LZMA"])
def test_a_member_that_is_damaged_is_one_clear_error(tmp_path, compression):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).integers(0, 9, (80000, 3, 2)) / 2)
    with zipfile.ZipFile(tmp_path / "x.npz", "w", getattr(zipfile, compression)) as archive:
        archive.write(tmp_path / "x.npy", "wave.npy")
    content = bytearray((tmp_path / "x.npz").read_bytes())
    middle = len(content) // 2
    content[middle:-200] = np.random.default_rng(1).bytes(len(content) - 200 - middle)
    (tmp_path / "x.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"x\.npz"):
        list(opened(tmp_path / "x.npz", (WAVE,)).batches(1000))


def test_a_member_whose_name_is_damaged_is_one_clear_error(tmp_path):
    path = saved(tmp_path / "x.npz")
    content = bytearray(path.read_bytes())
    # The flag for UTF-8 in both headers, and a name that is none in the first.
    for mark, place in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        content[content.index(mark) + place + 1] |= 8
    content[content.index(b"wave")] = 0xFF
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"damaged \.npz: "):
        opened(path)


def test_a_header_that_promises_more_than_the_file_holds_asks_for_no_memory(tmp_path):
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        buffer, {"descr": "<f4", "fortran_order": False, "shape": (1 << 40, 3, 2)}
    )
    (tmp_path / "x.npy").write_bytes(buffer.getvalue() + bytes(100))
    with pytest.raises(DataError, match="ends early"):
        list(opened(tmp_path / "x.npy", (WAVE,)).batches(1 << 20))


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"\x93NUMPY\1\0\4\0{}{}", b"text" * 9])
def test_what_is_no_array_is_one_clear_error(tmp_path, content):
    (tmp_path / "x.npy").write_bytes(content)
    with pytest.raises(DataError, match="not an array of NumPy"):
        ArrayFile(tmp_path / "x.npy")
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("wave.npy", content)
    with pytest.raises(DataError, match="array 'wave': not an array of NumPy"):
        ArrayFile(tmp_path / "x.npz")


def test_a_pickle_is_not_loaded(tmp_path):
    np.save(tmp_path / "x.npy", np.array([{"a": 1}], object), allow_pickle=True)
    with pytest.raises(DataError, match="an array of object; give numbers"):
        ArrayFile(tmp_path / "x.npy")
