"""The sections of the page: one module each, which registers a `Section`."""
