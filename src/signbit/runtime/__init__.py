"""Run packed networks: the NumPy reference, and the engine."""
