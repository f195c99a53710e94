"""Run scenarios in processes that torchrun has started: FOLDER NAME..."""

import sys
from pathlib import Path

from train.ranks.scenarios import main

main(Path(sys.argv[1]), sys.argv[2:])
