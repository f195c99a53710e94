"""The progress bar in a notebook."""

from functools import partial

from rich.console import Console

from signbit import progress


def test_a_notebook_without_ipywidgets_has_no_bar(monkeypatch):
    monkeypatch.setattr(progress, "Console", partial(Console, force_jupyter=True))
    monkeypatch.setattr(progress, "find_spec", lambda name: None)
    # Rich warns where it cannot draw the bar, and warnings are errors.
    with progress.progress_bar("writing", 2) as advance:
        advance(2)
