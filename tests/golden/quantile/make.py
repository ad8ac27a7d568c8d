"""Writes quantile.safetensors: small vectors, and what numpy makes of them.

`values.K` f32, `tail` f64 [K], `want` f32 [K] = numpy.quantile(values, 1 - tail, method="hazen") in double precision.

    python tests/golden/quantile/make.py

Made with numpy 2.4.6, seed 2.
"""

import pathlib

import numpy
from safetensors.numpy import save_file

rng = numpy.random.default_rng(2)


def vectors():
    yield [0.0], 0.01
    yield [-1.5], 0.5
    yield [1.0, 2.0], 0.25
    yield [-0.0, 0.0, 0.0], 0.4
    for count in (3, 10, 49, 50, 51, 100, 101, 150, 199, 333):
        normal = rng.normal(size=count)
        yield normal, 0.01
        yield numpy.maximum(normal, 0), 0.01  # after ReLU
        yield numpy.maximum(normal - 2.5, 0), 0.01  # active on fewer than the tail
        yield normal - 5, 0.01  # all below zero
        yield numpy.round(normal), 0.2  # many equal
        yield normal * 10.0 ** rng.integers(-38, 38, count), float(rng.uniform(0.001, 0.999))


cases = [(numpy.asarray(values, numpy.float32), tail) for values, tail in vectors()]
want = [numpy.quantile(values.astype(numpy.float64), 1 - tail, method="hazen") for values, tail in cases]
tensors = {f"values.{k}": values for k, (values, _) in enumerate(cases)}
tensors["tail"] = numpy.array([tail for _, tail in cases])
tensors["want"] = numpy.array(want).astype(numpy.float32)
save_file(tensors, pathlib.Path(__file__).with_name("quantile.safetensors"), metadata={"numpy": numpy.__version__})
