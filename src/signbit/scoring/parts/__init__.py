"""Predict for any number of samples part by part, in one process or on a cluster.

The parts follow from the data alone, and the file of a part follows from the part alone. So the
results do not depend on who computes a part, in which order, or how often.
"""

from signbit.scoring.parts.answerer import PartAnswerer, PartResult
from signbit.scoring.parts.folder import Summary, predict_parts
from signbit.scoring.parts.job import Job
from signbit.scoring.parts.source import Part, find_parts

__all__ = ["Job", "Part", "PartAnswerer", "PartResult", "Summary", "find_parts", "predict_parts"]
