import math
import struct

import numpy as np
import pytest
import soundfile
from scipy.fft import dct

from signbit.data._front_end import FrontEnd
from signbit.data._sounds import SoundReader, read_sound
from signbit.errors import DataError, UsageError
from signbit.format import Input

NOISE = np.random.default_rng(0).uniform(-0.5, 0.5, 4000).astype(np.float32)


def log_mel(sound, rate, window, hop, bins, low, high, preemphasis=0.97):
    """Kaldi's log-mel energies, written out."""
    length, step = int(rate * window / 1000), int(rate * hop / 1000)
    size = 1 << (length - 1).bit_length()
    count = 1 + (len(sound) - length) // step
    frames = np.stack([sound[i * step : i * step + length] for i in range(count)]).astype(float)
    frames -= frames.mean(axis=1, keepdims=True)
    before = np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)
    frames = frames - preemphasis * before
    povey = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / (length - 1))) ** 0.85
    power = np.abs(np.fft.rfft(frames * povey, size)) ** 2

    def mel(hertz):
        return 1127 * np.log(1 + np.asarray(hertz) / 700)

    edges = np.linspace(mel(low), mel(high), bins + 2)
    places = mel(np.arange(size // 2 + 1) * rate / size)
    rising = (places - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - places) / (edges[2:] - edges[1:-1])[:, None]
    weights = np.clip(np.minimum(rising, falling), 0, None)
    weights[:, -1] = 0  # Kaldi leaves out the highest frequency
    return np.log(np.maximum(power @ weights.T, np.finfo(np.float32).eps))


@pytest.mark.parametrize(
    ("rate", "window", "hop", "bins"), [(16000, 25, 10, 20), (8000, 32, 16, 12)]
)
def test_log_mel_is_kaldis(rate, window, hop, bins):
    found = FrontEnd("log_mel", rate, window, hop, bins, low=20, high=rate / 2 - 500)(NOISE)
    wanted = log_mel(NOISE, rate, window, hop, bins, 20, rate / 2 - 500)
    np.testing.assert_allclose(found, wanted, atol=2e-3)
    assert found.dtype == np.float32


def test_mfcc_is_the_cosine_transform_of_log_mel():
    found = FrontEnd("mfcc", bins=23, coefficients=13)(NOISE)
    energies = log_mel(NOISE, 16000, 25, 10, 23, 20, 8000)
    lifter = 1 + 11 * np.sin(np.pi * np.arange(13) / 22)
    wanted = np.asarray(dct(energies, norm="ortho"))[:, :13] * lifter
    np.testing.assert_allclose(found, wanted, atol=2e-2)


def test_scale_mean_and_deviation_normalize_the_features():
    plain = FrontEnd("log_mel", bins=4)(NOISE)
    louder = FrontEnd("log_mel", bins=4, scale=32768)(NOISE)
    np.testing.assert_allclose(louder - plain, 2 * math.log(32768), atol=1e-3)
    normal = FrontEnd("log_mel", bins=4, mean=[1, 2, 3, 4], deviation=2)(NOISE)
    np.testing.assert_allclose(normal, (plain - [1, 2, 3, 4]) / 2, atol=1e-6)


def test_seconds_cut_a_sound_or_fill_it_with_silence():
    front = FrontEnd("log_mel", bins=4, seconds=0.1)
    np.testing.assert_array_equal(front(NOISE), FrontEnd("log_mel", bins=4)(NOISE[:1600]))
    short = np.pad(NOISE[:1000], (0, 600))
    np.testing.assert_array_equal(front(NOISE[:1000]), FrontEnd("log_mel", bins=4)(short))


def test_a_front_end_is_read_from_text_and_from_files(tmp_path):
    wanted = FrontEnd("mfcc", sample_rate=8000, window=30, hop=20, coefficients=10, mean=[0.5] * 10)
    (tmp_path / "f.yaml").write_text(
        f"kind: mfcc\nsample_rate: 8000\nwindow: 30\nhop: 20\ncoefficients: 10\nmean: {[0.5] * 10}"
    )
    assert FrontEnd.parse(str(tmp_path / "f.yaml")) == wanted
    text = "mfcc:sample_rate=8000,window=30,hop=20,coefficients=10"
    assert FrontEnd.parse(text).features == 10
    assert FrontEnd.parse("log_mel") == FrontEnd("log_mel")


@pytest.mark.parametrize(
    "front",
    [
        FrontEnd(
            "log_mel",
            bins=4,
            mean=np.array([1, 2, 3, 1 / 3]),
            deviation=np.array([0.1], np.float32),
        ),
        FrontEnd("mfcc", sample_rate=8000, coefficients=10, high=3800.5, seconds=0.25),
    ],
)
def test_a_saved_front_end_computes_the_same(front, tmp_path):
    front.save(tmp_path / "front.json")
    again = FrontEnd.parse(str(tmp_path / "front.json"))
    assert again == front
    np.testing.assert_array_equal(again(NOISE), front(NOISE))
    with pytest.raises(UsageError, match=r"give a name that ends in \.json"):
        front.save(tmp_path / "front.yml")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("mel", "unknown front end 'mel'; known: log_mel, mfcc"),
        ("mfcc:bin=3", "Did you mean 'bins'"),
        ("mfcc:bins", "give KEY=VALUE"),
        ("mfcc:bins=x", "bins is 'x'; give a whole number"),
        ("mfcc:bins=2.5", "bins is 2.5"),
        ("mfcc:hop=0", "hop is 0; give 1 to 1000"),
        ("mfcc:hop=.nan", "hop is nan"),
        ("mfcc:coefficients=41", "coefficients is 41; give 1 to 40"),
        ("log_mel:coefficients=9", "coefficients are for mfcc"),
        ("mfcc:high=9000", "high is 9000"),
        ("mfcc:low=8000", "low is 8000"),
        ("log_mel:window_type=hann", "Did you mean 'hanning'"),
        ("log_mel:deviation=0", "deviation: give numbers above 0"),
        ("log_mel:mean=.inf", "mean: give one finite number, or 40 of them"),
        ("log_mel:scale=-1", "scale is -1"),
        ("none.yaml", "cannot be read"),
    ],
)
def test_a_front_end_that_cannot_be_is_refused(text, says):
    with pytest.raises(UsageError, match=says):
        FrontEnd.parse(text)


@pytest.mark.parametrize("samples", [399, 400, 559, 560, 4000])
@pytest.mark.parametrize("options", [{}, {"seconds": 0.2}, {"window": 31.5, "hop": 7.3}])
def test_the_number_of_windows_is_known_before(samples, options):
    front = FrontEnd("log_mel", bins=4, **options)
    try:
        found = len(front(NOISE[:samples]))
    except DataError:
        found = 0
    assert abs(front.windows(samples) - found) <= 1


@pytest.mark.parametrize(
    ("subtype", "bits"), [("PCM_U8", 8), ("PCM_16", 16), ("PCM_24", 24), ("PCM_32", 32)]
)
def test_whole_numbers_of_any_width_are_read(tmp_path, subtype, bits):
    soundfile.write(tmp_path / "a.wav", NOISE, 16000, subtype=subtype)
    np.testing.assert_allclose(read_sound(tmp_path / "a.wav", 16000), NOISE, atol=2.0 ** (2 - bits))


def test_several_channels_become_their_mean(tmp_path):
    both = np.stack([NOISE, -NOISE / 2], axis=1)
    soundfile.write(tmp_path / "a.wav", both, 16000, subtype="PCM_32")
    np.testing.assert_allclose(read_sound(tmp_path / "a.wav", 16000), NOISE / 4, atol=1e-6)


def test_a_sound_of_another_rate_or_kind_is_refused(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, NOISE, 8000)
    with pytest.raises(
        DataError, match=r"a\.wav: 8000 Hz, but the front end needs 16000 Hz; resample"
    ):
        read_sound(path, 16000)
    soundfile.write(path, NOISE, 16000, subtype="FLOAT")
    with pytest.raises(DataError, match="type FLOAT; save it as PCM of 8, 16, 24 or 32 bits"):
        read_sound(path, 16000)
    soundfile.write(path, NOISE, 16000, format="FLAC")
    with pytest.raises(DataError, match="not a WAV file"):
        read_sound(path, 16000)
    soundfile.write(path, NOISE[:0], 16000)
    with pytest.raises(DataError, match="0 samples of 1 channels"):
        read_sound(path, 16000)


@pytest.mark.parametrize("kept", [0, 11, 20, 43, 50, -1])
def test_a_sound_that_ends_early_is_one_clear_error(tmp_path, kept):
    path = tmp_path / "a.wav"
    soundfile.write(path, NOISE, 16000)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(DataError, match=r"a\.wav: (ends early|not a WAV file)"):
        read_sound(path, 16000)


def test_a_damaged_header_is_one_clear_error(tmp_path):
    path = tmp_path / "a.wav"
    data = struct.pack("<4sI", b"data", 4) + bytes(4)
    path.write_bytes(struct.pack("<4sI4s", b"RIFF", 4 + len(data), b"WAVE") + data)
    with pytest.raises(DataError, match=r"a\.wav: damaged WAV"):
        read_sound(path, 16000)


def test_features_of_another_shape_than_the_input_are_refused(tmp_path, monkeypatch):
    soundfile.write(tmp_path / "a.wav", NOISE, 16000)
    reader = SoundReader(Input.numbers("sound", (23, 40)), FrontEnd("log_mel"))
    assert reader(tmp_path / "a.wav").shape == (23, 40)
    reader = SoundReader(Input.numbers("sound", (49, 10)), FrontEnd("log_mel"))
    with pytest.raises(
        DataError, match=r"a\.wav: 23 windows of 40 features, but input sound \(f32,"
    ):
        reader(tmp_path / "a.wav")
    reader = SoundReader(Input.numbers("sound", (5, 40)), FrontEnd("log_mel"))
    with monkeypatch.context() as patch:
        patch.setattr(FrontEnd, "__call__", None)
        with pytest.raises(DataError, match="23 windows of 40"):
            reader(tmp_path / "a.wav")
    soundfile.write(tmp_path / "a.wav", NOISE[:160], 16000)
    with pytest.raises(DataError, match=r"a\.wav: 160 samples are shorter than a window of 25"):
        reader(tmp_path / "a.wav")
