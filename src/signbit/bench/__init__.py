"""Measure the speed of packed networks: next to the machine's limit and to other runtimes."""

from signbit.bench._measure import Benchmark, bench

__all__ = ["Benchmark", "bench"]
