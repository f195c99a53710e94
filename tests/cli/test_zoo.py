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
    assert json.loads(signbit("zoo", name)[0])["name"] == name
    out, _ = signbit("zoo", name, "-o", files[0], "--recipe", files[1])
    assert out == ""  # the card would hide what was written
    assert files[0].read_bytes() == zoo.read(name)
    # Fields that recipes got since the card was written have their defaults.
    assert load_recipe(files[1]) == parse_recipe(zoo.card(name).recipe, "card")


def test_a_network_that_was_taught_gives_its_teachers_recipe_too(signbit, tmp_path):
    files = tmp_path / "n.yaml", tmp_path / "t.yaml"
    name = "vgg_cifar10_binary"
    signbit("zoo", name, "--recipe", files[0], "--teacher-recipe", files[1])
    card = zoo.card(name)
    assert card.teacher is not None
    for file, recipe in zip(files, (card.recipe, card.teacher["recipe"]), strict=True):
        assert load_recipe(file) == parse_recipe(recipe, "card")


def test_what_cannot_be_written_is_refused(signbit, tmp_path):
    name = zoo.names()[0]
    signbit.refused("zoo", "nonsense", code=2, says="unknown network of the zoo 'nonsense'")
    signbit.refused("zoo", name, "-o", tmp_path / "n.bin", code=2, says="ends in .signbit")
    signbit.refused("zoo", name, "--recipe", tmp_path / "n", code=2, says="ends in .yaml")
    both = ("-o", tmp_path / "n.signbit", "--recipe", tmp_path / "n.txt")
    signbit.refused("zoo", name, *both, code=2, says="ends in .yaml")
    teacher = ("--teacher-recipe", tmp_path / "t.yaml")
    signbit.refused("zoo", "digits_binary", *teacher, code=2, says="was not distilled")
    twice = ("--recipe", tmp_path / "t.yaml", *teacher)
    signbit.refused("zoo", "vgg_cifar10_binary", *twice, code=2, says="--recipe and --teacher-rec")
    signbit.refused("zoo", *teacher, code=2, says="give the network to write")
    signbit.refused("zoo", "-o", tmp_path / "n.signbit", code=2, says="give the network to write")
    assert not list(tmp_path.iterdir())
