"""A part that ends each worker is given up; no cluster is needed to see it."""

import json
from dataclasses import asdict
from types import SimpleNamespace

import pytest
from helpers.parts import JOB, write_tars

import signbit
from signbit.errors import DataError
from signbit.scoring import ray as module
from signbit.scoring.parts import find_parts, predict_parts


@pytest.fixture
def parts(tmp_path, monkeypatch):
    """Four parts. What Ray sends to actors is called here."""
    monkeypatch.setattr(module, "_ray", lambda: SimpleNamespace(get=lambda value: value))
    (tmp_path / "tars").mkdir()
    return find_parts(str(write_tars(tmp_path / "tars")))


def worker(counts):
    """A new worker that counts with all others, as after the last one died."""
    counter = SimpleNamespace(begin=SimpleNamespace(remote=counts.begin))
    return module._PartWorker(JOB, "run", 1, signbit.__version__, counter)


def answer(counts, part):
    return module._from_row(worker(counts)({"part": json.dumps(asdict(part))}))


def test_a_part_that_was_begun_four_times_is_a_bad_one(parts):
    counts = module._Attempts()
    for _ in range(4):
        assert answer(counts, parts[1]).problem is None
    given_up = answer(counts, parts[1])
    assert isinstance(given_up.problem, DataError)
    assert str(given_up.problem) == (
        f"part 1, from {parts[1].files[0][0]}: 4 workers died while they computed it; give each "
        "worker more memory, or check the files of the part"
    )
    assert given_up.content == b""
    assert answer(counts, parts[2]).rows == 10


def test_the_other_parts_are_written_when_one_is_given_up(parts, tmp_path):
    counts = module._Attempts()
    for _ in range(4):
        counts.begin(parts[0].number)

    def run(job, name, chosen):
        return [answer(counts, part) for part in chosen]

    with pytest.raises(DataError, match=r"4 workers died while they computed it.* 1 of 4"):
        predict_parts(parts, JOB, tmp_path / "out", run)
    written = sorted(path.name for path in (tmp_path / "out").glob("part-*"))
    assert written == [f"part-{number:06d}.parquet" for number in (1, 2, 3)]
