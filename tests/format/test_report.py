import pytest
from helpers.networks import packed

from signbit.errors import ModelFormatError
from signbit.format import PackedModel
from signbit.format.report import as_text


def test_a_line_for_each_module_and_the_totals():
    model = packed("digits")
    lines = model.report().splitlines()
    assert lines[0].split() == ["module", "type", "became", "why", "bits", "before", "after"]
    assert [line.split()[0] for line in lines[1:-1]] == [
        module["module"] for module in model.info["modules"]
    ]
    after = sum(module["bits_after"] for module in model.info["modules"])
    assert lines[-1].split()[0] == "total"
    assert lines[-1].endswith(f"{after:,}")


def test_without_modules_there_are_only_totals():
    model = packed("digits")
    assert len(PackedModel(model.nodes, model.preprocessing).report().splitlines()) == 2


ODD = {"module": [1], "type": "a", "became": "a", "why": "a", "bits_before": 1, "bits_after": 1}


@pytest.mark.parametrize("modules", [3, [3], [{}], [None], {"a": 1}, ["text"], [ODD]])
def test_info_of_a_hostile_file_is_one_error(modules):
    with pytest.raises(ModelFormatError, match="not the table"):
        as_text({"modules": modules})
