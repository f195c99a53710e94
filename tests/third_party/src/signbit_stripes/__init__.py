"""A package of its own that adds one thing of each kind to signbit."""
