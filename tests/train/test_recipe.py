import math
from typing import Literal

import pytest
from helpers.user_modules import forgotten_imports

from signbit.errors import UsageError
from signbit.train import Recipe, load_recipe, recipe_names
from signbit.train.optimizers import optimizers
from signbit.train.optimizers.adam import Adam
from signbit.train.optimizers.sgd import Sgd
from signbit.train.recipe import Cosine

BASE = {
    "epochs": 2,
    "optimizer": {"name": "adam", "lr": 0.1},
    "schedule": {"name": "cosine"},
}


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_of_the_package_fits_the_schema(name):
    assert isinstance(load_recipe(name), Recipe)


def test_binarynet_has_the_published_learning_rates():
    recipe = load_recipe("binarynet")
    published = {0: 5e-3, 39: 5e-3, 40: 1e-3, 80: 5e-4, 100: 1e-4, 120: 5e-5, 140: 1e-5, 149: 1e-5}
    rates = {epoch: recipe.schedule.lr(epoch, recipe.epochs, 5e-3) for epoch in published}
    assert rates == published
    assert (recipe.batch_size, recipe.latent_clip, recipe.epochs) == (256, 1.0, 150)
    assert recipe.augmentation.crop_padding == 4
    assert recipe.augmentation.flip


def test_input_has_a_number_for_all_channels_or_one_for_each():
    recipe = load_recipe("quick", {"input": {"scale": [1, "2e-1", 3.5], "bias": 0}})
    assert recipe.input.scale == (1.0, 0.2, 3.5)
    assert recipe.input.bias == 0.0
    assert recipe.model_dump(mode="json")["input"] == {
        "scale": [1.0, 0.2, 3.5],
        "bias": 0.0,
        "crop": None,
    }


def test_cosine_warms_up_linearly_and_ends_at_zero():
    schedule = Cosine(name="cosine", warmup_epochs=2)
    assert schedule.lr(1, 10, 0.1) == pytest.approx(0.05)
    assert schedule.lr(2, 10, 0.1) == pytest.approx(0.1)
    assert schedule.lr(6, 10, 0.1) == pytest.approx(0.1 * (1 + math.cos(math.pi / 2)) / 2)
    assert schedule.lr(10, 10, 0.1) == pytest.approx(0)


@pytest.mark.parametrize("epochs", [1, 3, 5, 6])
def test_a_warm_up_as_long_as_the_run_ends_at_its_half(epochs):
    schedule = Cosine(name="cosine", warmup_epochs=5)
    assert schedule.lr(epochs / 2, epochs, 0.1) == pytest.approx(0.1)
    assert schedule.lr(epochs / 4, epochs, 0.1) == pytest.approx(0.05)
    assert schedule.lr(epochs, epochs, 0.1) == pytest.approx(0)


def test_overrides_replace_single_fields():
    recipe = load_recipe("binarynet", {"optimizer": {"lr": 0.25}, "model": {"inflation": 0.25}})
    assert recipe.optimizer.lr == 0.25
    assert isinstance(recipe.optimizer, Adam)
    assert recipe.model == {"inflation": 0.25}


def test_override_with_another_kind_of_schedule_drops_the_keys_of_the_old_one():
    recipe = load_recipe("binarynet", {"schedule": {"name": "cosine"}})
    assert recipe.schedule == Cosine(name="cosine")


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"epoch": 3}, "unknown key 'epoch'. Did you mean 'epochs'?"),
        ({"optimizer": {"lrr": 3}}, "unknown key 'optimizer.lrr'. Did you mean 'lr'?"),
        ({"augmentation": {"flop": True}}, "unknown key 'augmentation.flop'. Did you mean 'flip'?"),
        ({"qqqq": 3}, "unknown key 'qqqq'. Known: augmentation, averaging,"),
        ({"epochs": "many"}, "key 'epochs' is 'many': input should be a valid integer"),
        ({"epochs": 0}, "key 'epochs' is 0: input should be greater than or equal to 1"),
        (
            {"epochs": 10**12},
            "key 'epochs' is 1000000000000: input should be less than or equal to",
        ),
        ({"augmentation": {"cutout": 10**12}}, "key 'augmentation.cutout' is 1000000000000"),
        ({"augmentation": {"crop_padding": 10**12}}, "input should be less than or equal to 16384"),
        ({"epochs": True}, "key 'epochs' is True: input should be a valid integer"),
        ({"optimizer": {"lr": -1}}, "key 'optimizer.lr' is -1: input should be greater than 0"),
        ({"optimizer": {"lr": math.nan}}, "key 'optimizer.lr' is nan"),
        ({"optimizer": {"name": "adamm"}}, "key 'optimizer'"),
        ({"batch_size": 1}, "key 'batch_size' is 1"),
        *(
            ({"input": {"scale": wrong}}, "key 'input.scale' is " + told)
            for wrong, told in [
                ("x", "'x': give a finite number, or a list with one number for each channel"),
                ([1, "x"], "[1, 'x']: give a finite"),
                ([], "[]: give a finite"),
                (True, "True: give a finite"),
                (math.inf, "inf: give a finite"),
            ]
        ),
        ({"val_size": 50.5}, "key 'val_size' is 50.5: give a fraction below 1, or a whole number"),
        ({"latent_clip": 0}, "key 'latent_clip' is 0"),
        ({"precision": "float16"}, "key 'precision' is 'float16'"),
        ({"optimizer": 3}, "key 'optimizer'"),
        ({"optimizer": {"name": "bop"}}, "key 'optimizer'"),
        ({"latent_optimizer": {"name": "bop", "gamma": 1}}, "unknown key 'latent_optimizer.gamma'"),
        ({"latent_optimizer": {"name": "bop", "lr": 0}}, "key 'latent_optimizer.lr' is 0"),
        ({"latent_optimizer": {"name": "bop", "lr": 2}}, "key 'latent_optimizer.lr' is 2"),
        (
            {"latent_optimizer": {"name": "bop"}, "latent_clip": 0.5},
            "latent_clip is 0.5, but latent_optimizer keeps weights at -1 and +1",
        ),
        ({"optimizer": {"betas": [1.0, 0.9]}}, "key 'optimizer.betas.0' is 1.0"),
        (
            {"optimizer": {"name": "sgd", "lr": 0.1, "momentum": 0, "nesterov": True}},
            "nesterov needs a momentum above 0; set nesterov=false",
        ),
        ({"loss": {"smoothing": 1}}, "unknown key 'loss.smoothing'. Did you mean"),
        ({"loss": {"logit_scale": 0}}, "key 'loss.logit_scale' is 0"),
        ({"distillation": {"weight": 2}}, "key 'distillation.weight' is 2"),
        ({"averaging": {"decay": 1.0}}, "key 'averaging.decay' is 1.0"),
        ({"augmentation": {"flip": "both"}}, "key 'augmentation.flip' is 'both'"),
        ({"compile": "fast"}, "key 'compile' is 'fast'"),
        (
            {"optimizer": {"latent_weight_decay": 0.1}, "latent_optimizer": {"name": "bop"}},
            "recipe 'quick': optimizer.latent_weight_decay has no effect",
        ),
        (
            {"latent_optimizer": {"name": "sgd", "lr": 0.1, "weight_decay": 0.01}},
            "recipe 'quick': latent_optimizer.weight_decay has no effect",
        ),
    ],
)
def test_a_setting_that_does_not_fit_is_named(overrides, message):
    with pytest.raises(UsageError) as error:
        load_recipe("quick", overrides)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_all_wrong_keys_are_listed_at_once():
    with pytest.raises(UsageError, match=r"'epochs'.*'batch_size'"):
        load_recipe("quick", {"epochs": 0, "batch_size": 0})


def test_many_wrong_keys_are_counted(tmp_path):
    path = tmp_path / "many.yaml"
    path.write_text("".join(f"k{number}: 1\n" for number in range(4000)))
    with pytest.raises(UsageError, match=r"unknown key 'k0'\..*; and 3998 more$") as error:
        load_recipe(path)
    assert len(str(error.value)) < 3000


def test_a_long_key_or_value_is_cut():
    for wrong in ({"k" * 50_000: 1}, {"epochs": "k" * 50_000}, {"optimizer": {"name": "k" * 9999}}):
        with pytest.raises(UsageError) as error:
            load_recipe("quick", wrong)
        assert len(str(error.value)) < 700


def test_unknown_recipe_lists_the_known():
    with pytest.raises(UsageError, match=r"unknown recipe 'quik'; known: .*binarynet, .*'quick'"):
        load_recipe("quik")


def test_a_recipe_can_be_a_file(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(
        "epochs: 7\noptimizer: {name: sgd, lr: 5e-2}\nschedule: {name: cosine}\n", encoding="utf-8"
    )
    recipe = load_recipe(path)
    assert (recipe.epochs, recipe.optimizer.lr) == (7, 0.05)
    assert isinstance(recipe.optimizer, Sgd)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "not YAML"),
        ("seed: 2024-13-45", "not YAML: month must be"),
        ("[" * 9999, "more than 16 levels"),
        ("- 3", "a mapping"),
        ("a: &x 1\nb: *x", "anchors and aliases"),
        ("epochs: " + "9" * 5000, "line 1: a whole number of 5000 characters; at most 64 bits"),
        ("epochs: 3", "key 'optimizer' is missing"),
        ("epochs: 1:30", "key 'epochs' is '1:30': input should be a valid integer"),
        ("epochs: 0100", "line 1: the number 0100 begins with 0; write it without the 0"),
    ],
)
def test_a_damaged_recipe_file_is_an_error(tmp_path, text, message):
    path = tmp_path / "bad.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=message):
        load_recipe(path)


def test_a_missing_recipe_file_is_an_error(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        load_recipe(tmp_path / "none.yaml")


def test_optimizers_may_be_registered_at_any_time():
    late = {"optimizer": {"name": "late", "lr": 0.1, "momentum": 0.5}}
    latent = {"latent_optimizer": {"name": "late", "lr": 0.2}, "latent_clip": None}
    with forgotten_imports():

        @optimizers.register("late")
        class Late(Sgd):
            name: Literal["late"]

        recipe = load_recipe("plain", late | latent)
        assert type(recipe.optimizer) is type(recipe.latent_optimizer) is Late
        assert recipe.model_dump(mode="json")["optimizer"]["momentum"] == 0.5
        with pytest.raises(UsageError, match=r"'optimizer\.momntum'\. Did you mean 'momentum'"):
            load_recipe("plain", {"optimizer": {"name": "late", "lr": 0.1, "momntum": 0.5}})
    with pytest.raises(UsageError, match="'late' found"):
        load_recipe("plain", late)
