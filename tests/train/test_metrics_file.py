import pytest

from signbit.errors import CheckpointError
from signbit.train import read_metrics
from signbit.train._metrics_file import write_metrics


def test_what_was_written_is_read_without_what_was_not_measured(tmp_path):
    rows = [{"epoch": 1, "loss": 0.1}, {"epoch": 2, "loss": 1 / 3, "val_loss": 2e-9}]
    write_metrics(tmp_path, rows)
    assert read_metrics(tmp_path) == rows


@pytest.mark.parametrize("text", ["epoch,loss\n1,high\n", "epoch\n1,2\n", "epoch,loss\n1,\xff\n"])
def test_a_damaged_table_is_an_error_that_names_it(tmp_path, text):
    (tmp_path / "metrics.csv").write_text(text, encoding="latin-1")
    with pytest.raises(CheckpointError, match=r"metrics\.csv is damaged"):
        read_metrics(tmp_path)


def test_a_folder_without_a_run_is_an_error(tmp_path):
    with pytest.raises(CheckpointError, match="give the folder of a run"):
        read_metrics(tmp_path)
