"""Train, pack, run and export with what the package adds."""

from pathlib import Path

import numpy as np

from signbit.data import load
from signbit.export import export, make_request
from signbit.models import load_model
from signbit.pack import pack
from signbit.passes import passes
from signbit.runtime.engine import Engine
from signbit.train import Run, load_recipe, train

train(Run(load_recipe("stripes.yaml"), "stripes_binary", "stripes", Path("in-python-run")))

trained = load_model("in-python-run")
packed = pack(trained.module, trained.preprocessing)
test = load("stripes", "test")
scores = Engine(packed).scores(test.images[:])
assert np.abs(scores - trained.scores(test.images[:])).max() < 1e-5
assert (scores.argmax(1) == test.labels).mean() > 0.9

same = passes.get("anonymous")(packed)
assert not same.info
assert np.array_equal(Engine(same).scores(test.images[:]), scores)

export(make_request(packed, "stripes"), "json", "in-python", options={"indent": 2})
