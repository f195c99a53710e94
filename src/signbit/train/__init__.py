"""Train binary networks by a recipe, in a folder from which the run can be resumed."""

from signbit.train._load_recipe import load_recipe, recipe_names
from signbit.train._metrics_file import read_metrics
from signbit.train._named import resume
from signbit.train._own import load_weights
from signbit.train._run import Run
from signbit.train._train import train
from signbit.train.recipe import Recipe

__all__ = [
    "Recipe",
    "Run",
    "load_recipe",
    "load_weights",
    "read_metrics",
    "recipe_names",
    "resume",
    "train",
]
