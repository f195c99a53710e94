"""Templates of the texts that exporters write."""

import re
from importlib.resources import files


def template(format_: str, file: str, **words: object) -> str:
    """The text of a file in `templates` of a format's package, with words in capitals replaced.

    All words are replaced at once, so a replacement is never searched for words itself.
    """
    text = files(f"signbit.export.{format_}").joinpath("templates", file).read_text("utf-8")
    if not words:
        return text
    # The longest word comes first: LAYERS_SOURCE must not be read as LAYERS.
    pattern = "|".join(sorted(words, key=len, reverse=True))
    return re.sub(pattern, lambda found: str(words[found[0]]), text)
