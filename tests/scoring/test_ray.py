"""On a cluster of two workers on this machine."""

import os
import signal
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from helpers.parts import (
    BAD,
    COUNT,
    JOB,
    content_of,
    digits,
    here,
    pngs,
    write_tar,
    write_tars,
)
from helpers.tasks import rows_of_numbers

from signbit.errors import DataError, UsageError, WorkerError
from signbit.format.file import to_bytes
from signbit.scoring.parts import find_parts, predict_parts
from signbit.scoring.ray import _require_listener, _said, predict, runner
from signbit.zoo import load

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.fixture(scope="module")
def cluster():
    """Two CPUs on this machine, for all tests of this file."""
    import ray

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


def workers() -> set[int]:
    """The processes on this machine that compute parts."""
    found = set()
    for place in Path("/proc").iterdir():
        if place.name.isdecimal():
            try:
                name = (place / "cmdline").read_bytes()
            except OSError:  # it has ended
                continue
            if name.startswith(b"ray::") and b"_PartWorker" in name:
                found.add(int(place.name))
    return found


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """Twelve shards of 100 images: each takes a worker a while."""
    folder = tmp_path_factory.mktemp("many")
    for shard in range(12):
        members = [(f"{one}.png", pngs()[one % COUNT]) for one in range(100)]
        write_tar(folder / f"{shard}.tar", members)
    return folder


def test_a_cluster_gives_the_bytes_of_one_process_also_when_a_worker_is_killed(
    cluster, many, tmp_path
):
    parts, killed = find_parts(str(many)), []

    def killing(job, run, parts):
        for result in runner(workers=2)(job, run, parts):
            if not killed:
                killed.append(workers().pop())
                os.kill(killed[0], signal.SIGKILL)
            yield result

    summary = predict_parts(parts, JOB, tmp_path / "cluster", killing)
    assert (summary.computed, summary.rows) == (12, 1200)
    assert killed
    predict_parts(parts, JOB, tmp_path / "here", here)
    assert content_of(tmp_path / "cluster") == content_of(tmp_path / "here")


def test_a_cluster_goes_on_where_one_process_was(cluster, tmp_path):
    (tmp_path / "tars").mkdir()
    parts = find_parts(str(write_tars(tmp_path / "tars")))
    with pytest.raises(DataError, match="3 of 4"):
        predict_parts(parts, JOB, tmp_path / "out", lambda *given: [*here(*given)][:1])
    assert predict_parts(parts, JOB, tmp_path / "out", runner()).computed == 3
    assert pq.read_table(tmp_path / "out").num_rows == COUNT


def test_errors_of_workers_arrive_as_they_were(cluster, tmp_path):
    (tmp_path / "tars").mkdir()
    broken = write_tars(tmp_path / "tars") / "00002.tar"
    broken.write_bytes(broken.read_bytes()[:3000])
    with pytest.raises(DataError, match=r"00002.tar: damaged tar shard: .* 1 of 4"):
        predict_parts(find_parts(str(broken.parent)), JOB, tmp_path / "out", runner())


def test_more_workers_than_cpus_are_refused(cluster, many, tmp_path):
    with pytest.raises(UsageError, match=r"6 CPUs \(3 with 2 threads each\).* has 2"):
        predict_parts(find_parts(str(many)), JOB, tmp_path / "out", runner("local", 3, 2))


def test_the_rows_of_a_dataset_get_answers(cluster):
    import ray

    rows = [{"image": content, "key": index} for index, content in enumerate(pngs())]
    found = predict(ray.data.from_items(rows), JOB.content, workers=2, batch_size=7).take_all()
    network = load("digits_binary")
    classes = network.classify(digits())
    assert sorted(row["key"] for row in found) == list(range(COUNT))
    for row in found:
        index = row["key"]
        if index == BAD:
            assert "not an image" in row["error"]
            assert row["class"] is None
        else:
            assert row["error"] is None
            assert row["class"] == str(classes[index])


def test_arrays_of_a_dataset_get_answers(cluster):
    import ray

    pairs = np.arange(10, dtype=np.float32).reshape(5, 2)
    dataset = ray.data.from_numpy(pairs).rename_columns({"data": "pair"})
    found = predict(dataset, to_bytes(rows_of_numbers())).to_pandas()
    assert sorted(found["sum"]) == sorted(pairs.sum(axis=1))
    assert sorted(found["difference"]) == [-1.0] * 5


def test_a_machine_with_another_version_is_named(cluster, many, tmp_path, monkeypatch):
    import signbit

    monkeypatch.setattr(signbit, "__version__", "9.9")
    with pytest.raises(
        WorkerError, match=r"has signbit \S+, but this command has 9.9; install the"
    ):
        predict_parts(find_parts(str(many)), JOB, tmp_path / "out", runner())


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Traceback\nModuleNotFoundError: No module named 'signbit'", "a worker has no signbit"),
        (
            "The actor died.\nkilled: out of memory\n\n",
            "lost: killed: out of memory; the parts of the other",
        ),
    ],
)
def test_errors_of_ray_become_one_line(text, says):
    found = _said(RuntimeError(text))
    assert says in found
    assert "\n" not in found


@pytest.mark.parametrize(
    ("address", "error", "says"),
    [
        ("127.0.0.1:9", WorkerError, "no cluster of Ray at 127.0.0.1:9: "),
        ("ray://127.0.0.1:9", UsageError, "give HOST:PORT, auto or local"),
        ("nowhere", UsageError, "give HOST:PORT, auto or local"),
    ],
)
def test_no_cluster_at_an_address_is_one_line(address, error, says):
    with pytest.raises(error, match=rf"^[^\n]*{says}[^\n]*$"):
        _require_listener(address)
