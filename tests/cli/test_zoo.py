import json

from signbit import zoo
from signbit.train import load_recipe
from signbit.train._load_recipe import parse_recipe


def test_the_list_has_every_network(signbit, tmp_path):
    out, _ = signbit("zoo", "--json", tmp_path / "zoo.json")
    assert all(name in out for name in zoo.names())
    found = json.loads((tmp_path / "zoo.json").read_text())["networks"]
    assert [card["name"] for card in found] == zoo.names()


def test_a_network_and_its_recipe_are_written(signbit, tmp_path):
    name = zoo.names()[0]
    files = tmp_path / "n.signbit", tmp_path / "n.yaml"
    out, _ = signbit("zoo", name, "-o", files[0], "--recipe", files[1])
    assert json.loads(out)["name"] == name
    assert files[0].read_bytes() == zoo.read(name)
    # Fields that recipes got since the card was written have their defaults.
    assert load_recipe(files[1]) == parse_recipe(zoo.card(name).recipe, "card")


def test_what_cannot_be_written_is_refused(signbit, tmp_path):
    name = zoo.names()[0]
    signbit.refused("zoo", "nonsense", code=2, says="unknown network of the zoo 'nonsense'")
    signbit.refused("zoo", name, "-o", tmp_path / "n.bin", code=2, says="ends in .signbit")
    signbit.refused("zoo", name, "--recipe", tmp_path / "n", code=2, says="ends in .yaml")
    both = ("-o", tmp_path / "n.signbit", "--recipe", tmp_path / "n.txt")
    signbit.refused("zoo", name, *both, code=2, says="ends in .yaml")
    teacher = ("--teacher-recipe", tmp_path / "t.yaml")
    signbit.refused("zoo", "digits_binary", *teacher, code=2, says="was not distilled")
    signbit.refused("zoo", *teacher, code=2, says="name the network")
    signbit.refused("zoo", "-o", tmp_path / "n.signbit", code=2, says="name the network")
    assert not list(tmp_path.iterdir())
