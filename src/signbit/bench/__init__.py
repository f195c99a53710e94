"""How fast a packed network runs, next to the limit of the machine and to other runtimes."""

from signbit.bench._measure import Benchmark, bench

__all__ = ["Benchmark", "bench"]
