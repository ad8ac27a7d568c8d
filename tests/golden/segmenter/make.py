"""Writes segmenter.safetensors: small arg-maximum maps, and the six label channels that follow from them.

labels.json lists the names of the published unified parsing network, in the form in which they are published; it is read here and
by the tests. For case K: `object.K`, `part.K`, `material.K`, `color.K` u16 [h, w] are what the networks say (part is channel + 1,
0 where the object owns none), `compat.K` and `whole.K` u16 [6, h, w] are the label maps, with the last component left unsplit and
with every component split.

    python tests/golden/segmenter/make.py

Made with numpy 2.4.6, scikit-image 0.26.0, seed 4.
"""

import json
import pathlib

import numpy
import skimage
from safetensors.numpy import save_file
from skimage.measure import label

here = pathlib.Path(__file__)
names = json.loads(here.with_name("labels.json").read_text())
objects, materials = names["object"], names["material"]
owners = sorted(names["object_part"], key=objects.index)
rng = numpy.random.default_rng(4)

# Numbers: objects, four halves each, materials, parts, "no colour", colours.
count = len(objects) - 1
first_part = 5 * count + len(materials)
new_parts = []
for owner in owners:
    for part in names["object_part"][owner][1:]:
        if part not in objects and part not in new_parts:
            new_parts.append(part)
no_color = first_part + len(new_parts)
starts = numpy.cumsum([0] + [len(names["object_part"][owner]) for owner in owners])


def number_of_part(part):
    return objects.index(part) if part in objects else first_part + new_parts.index(part)


def expected(object_map, part_map, material_map, color_map, skip_last):
    out = numpy.zeros((6, *object_map.shape), numpy.int64)
    out[0] = object_map
    out[1] = numpy.where(material_map > 0, material_map + 5 * count, 0)
    for start, owner in zip(starts, owners):
        for entry, part in enumerate(names["object_part"][owner]):
            if entry > 0:
                inside = (object_map == objects.index(owner)) & (part_map == start + entry + 1)
                out[2][inside] = number_of_part(part)
    pieces, found = label(object_map, return_num=True, connectivity=2)
    for piece in range(1, found if skip_last else found + 1):
        inside = pieces == piece
        rows, columns = numpy.nonzero(inside)
        middle_row = (rows.min() + rows.max() + 1) // 2
        middle_column = (columns.min() + columns.max() + 1) // 2
        row, column = numpy.indices(object_map.shape)
        out[3][inside] = object_map[inside] + numpy.where(row < middle_row, count, 3 * count)[inside]
        out[4][inside] = object_map[inside] + numpy.where(column < middle_column, 2 * count, 4 * count)[inside]
    out[5] = color_map + no_color + 1
    return out


def patches(h, w, values):
    """Overlapping rectangles, so that pieces have ragged outlines, and some noise."""
    out = numpy.full((h, w), rng.choice(values))
    for _ in range(int(rng.integers(0, 9))):
        top, left = rng.integers(0, h), rng.integers(0, w)
        out[top : top + rng.integers(1, h + 1), left : left + rng.integers(1, w + 1)] = rng.choice(values)
    noise = rng.random((h, w)) < rng.choice([0.0, 0.05, 0.5])
    out[noise] = rng.choice(values, int(noise.sum()))
    return out


tensors = {}
sizes = [(1, 1), (1, 7), (7, 1), (2, 2), (3, 8), (14, 14), (56, 56)]
for case, (h, w) in enumerate(sizes + [(int(rng.integers(1, 20)), int(rng.integers(1, 20))) for _ in range(16)]):
    some = rng.choice(count + 1, int(rng.integers(1, 6)), replace=False)
    owning = [objects.index(owner) for owner in rng.choice(owners, 3, replace=False)]
    object_map = patches(h, w, [0, *some, *owning])
    part_map = numpy.zeros((h, w), numpy.int64)
    for start, owner in zip(starts, owners):
        inside = object_map == objects.index(owner)
        part_map[inside] = start + 1 + rng.integers(0, len(names["object_part"][owner]), int(inside.sum()))
    material_map, color_map = rng.integers(0, len(materials), (h, w)), rng.integers(0, 11, (h, w))
    maps = dict(object=object_map, part=part_map, material=material_map, color=color_map)
    maps["compat"], maps["whole"] = (expected(*list(maps.values())[:4], skip_last) for skip_last in (True, False))
    tensors |= {f"{name}.{case}": numpy.ascontiguousarray(values, numpy.uint16) for name, values in maps.items()}

versions = {"numpy": numpy.__version__, "scikit-image": skimage.__version__}
save_file(tensors, here.with_name("segmenter.safetensors"), metadata=versions)
