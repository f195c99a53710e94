"""Texts that exporters write, as files with words to replace."""

import re
from importlib.resources import files


def template(format_: str, file: str, **words: object) -> str:
    """The text of a file in `templates` of a format's package, with its words in capitals replaced.

    All at once, so that nothing is replaced in what was put in.
    """
    text = files(f"signbit.export.{format_}").joinpath("templates", file).read_text("utf-8")
    if not words:
        return text
    # The longest first: LAYERS_SOURCE is not LAYERS.
    pattern = "|".join(sorted(words, key=len, reverse=True))
    return re.sub(pattern, lambda found: str(words[found[0]]), text)
