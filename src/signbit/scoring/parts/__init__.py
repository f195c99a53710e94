"""Predict for any number of samples, part by part, in one process or on a cluster.

The data alone decides the parts, and a part alone decides the content of its file of results. So
the results do not depend on the process that computes a part, on the order of the parts, or on how
often a part is computed.
"""

from signbit.scoring.parts.answerer import PartAnswerer, PartResult
from signbit.scoring.parts.folder import Summary, predict_parts
from signbit.scoring.parts.job import Job
from signbit.scoring.parts.source import Part, find_parts

__all__ = ["Job", "Part", "PartAnswerer", "PartResult", "Summary", "find_parts", "predict_parts"]
