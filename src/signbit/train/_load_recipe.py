"""Find a recipe, apply overrides, and check it against the schema."""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from signbit.errors import UsageError, closest, printable, unknown_name
from signbit.train.recipe import Recipe, accept_new_optimizers
from signbit.yaml_file import parse_yaml, read_yaml

_MOST_REASONS = 5
_SHOWN = 60
_LONGEST = 300


def recipe_names() -> list[str]:
    """The names of the recipes that come with the package, sorted."""
    folder = files("signbit.train") / "recipes"
    names = (Path(entry.name) for entry in folder.iterdir())
    return sorted(name.stem for name in names if name.suffix == ".yaml")


def load_recipe(recipe: str | Path, overrides: Mapping[str, Any] | None = None) -> Recipe:
    """Read a recipe that comes with the package, or one in a file.

    recipe: the name of a recipe, or a path that ends in `.yaml` or `.yml`.
    overrides: nested settings that replace those of the recipe, such as
        {"model": {"inflation": 3}}.

    Raises: UsageError for an unknown recipe, an unreadable file, or settings that do not fit the
        schema, with the recipe and the key.
    """
    settings = _read(str(recipe))
    return parse_recipe(_merged(settings, overrides or {}), f"recipe {str(recipe)!r}")


def parse_recipe(settings: Mapping[str, Any], place: str) -> Recipe:
    """Check settings against the schema. Raises: UsageError with a reason for each wrong key."""
    try:
        accept_new_optimizers()
        return Recipe.model_validate(dict(settings))
    except ValidationError as error:
        found = error.errors()
        reasons = [_reason(dict(details)) for details in found[:_MOST_REASONS]]
        if len(found) > len(reasons):
            reasons.append(f"and {len(found) - len(reasons)} more")
        raise UsageError(f"{place}: {'; '.join(reasons)}") from None


def _read(recipe: str) -> dict[str, Any]:
    if recipe.endswith((".yaml", ".yml")):
        settings = read_yaml(recipe, f"recipe {printable(recipe)}")
    elif recipe in recipe_names():
        text = (files("signbit.train") / "recipes" / f"{recipe}.yaml").read_text(encoding="utf-8")
        settings = parse_yaml(text, f"recipe {recipe}")
    else:
        raise unknown_name("recipe", recipe, recipe_names())
    if not isinstance(settings, dict):
        raise UsageError(
            f"recipe {printable(recipe)}: its content is not a mapping; give settings, such as "
            "epochs: 10"
        )
    return settings


def _merged(settings: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(settings)
    for key, value in overrides.items():
        old = merged.get(key)
        # A new kind of optimizer or schedule does not keep the keys of the old kind.
        fresh = isinstance(value, Mapping) and "name" in value
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        merged[key] = _merged(old, value) if both and not fresh else value  # pyright: ignore
    return merged


def _reason(details: dict[str, Any]) -> str:
    # Pydantic puts the chosen kind, such as 'adam', into the path, but users do not write it.
    if not details["loc"]:
        return details["msg"].removeprefix("Value error, ")
    path, fields = _walk(details["loc"])
    key = ".".join(path)
    if details["type"] == "extra_forbidden":
        hint = closest(path[-1], fields) or f" Known: {', '.join(sorted(fields))}."
        return f"unknown key {_shown(key)}.{hint}"
    if details["type"] == "missing":
        return f"key {key!r} is missing"
    message = details["msg"].removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    return f"key {_shown(key)} is {_shown(details['input'])}: {message[:_LONGEST]}"


def _walk(location: tuple[str | int, ...]) -> tuple[list[str], list[str]]:
    """The path as users write it, and the known keys next to its last key."""
    models: list[type[BaseModel]] = [Recipe]
    path, fields = [], list(Recipe.model_fields)
    for part in map(str, location):
        chosen = [model for model in models if _tag(model) == part]
        if chosen and len(path) < len(location) - 1 and part not in fields:
            models, fields = chosen, list(chosen[0].model_fields)
            continue
        path.append(part)
        fields = [name for model in models for name in model.model_fields]
        field = next((m.model_fields[part] for m in models if part in m.model_fields), None)
        models = _models_in(field.annotation) if field else []
    return path, fields


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    """The schemas that a field may hold, such as those of `Adam | Sgd` or `Loss | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models_in(part)]


def _tag(model: type[BaseModel]) -> str | None:
    name = model.model_fields.get("name")
    tags = get_args(name.annotation) if name else ()
    return tags[0] if tags else None


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
