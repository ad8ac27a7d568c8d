"""Makes the weight files of tests/weights: one narrow VGG-16 in every container and naming the importer reads.

Run from this folder: python make.py. Made with Python 3.11, torch 2.15.0, numpy 2.4.6, onnx 1.23.2, safetensors 0.8.0.
Values are small dyadic numbers, exact in every element type: value k of tensor number t is ((k*7 + t*13) % 61 - 30)/32.
The legacy files name their storages by memory address, so a new run gives other bytes for the same tensors.
"""

import collections
import copy

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from safetensors.torch import save_file

WIDTHS = [2, 2, 3, 3, 2, 4, 2, 3, 2, 2, 3, 2, 2]
NAMES = ["1_1", "1_2", "2_1", "2_2", "3_1", "3_2", "3_3", "4_1", "4_2", "4_3", "5_1", "5_2", "5_3"]
POSITIONS = [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28]
LINEAR = [("fc6", 0, 6), ("fc7", 3, 4), ("fc8a", 6, 5)]
POOL_AFTER = {1, 3, 6, 9, 12}


def shapes():
    """Canonical name and sizes of every tensor, in order."""
    channels = 3
    for name, width in zip(NAMES, WIDTHS):
        yield f"features.conv{name}.weight", (width, channels, 3, 3)
        yield f"features.conv{name}.bias", (width,)
        channels = width
    inputs = 49 * channels
    for name, _, outputs in LINEAR:
        yield f"classifier.{name}.weight", (outputs, inputs)
        yield f"classifier.{name}.bias", (outputs,)
        inputs = outputs


def values(number, shape):
    flat = np.arange(int(np.prod(shape)))
    return (((flat * 7 + number * 13) % 61 - 30) / 32).astype(np.float32).reshape(shape)


STATE = collections.OrderedDict((name, torch.from_numpy(values(t, s))) for t, (name, s) in enumerate(shapes()))


def torchvision_name(name):
    for conv, position in zip(NAMES, POSITIONS):
        name = name.replace(f"features.conv{conv}.", f"features.{position}.")
    for linear, position, _ in LINEAR:
        name = name.replace(f"classifier.{linear}.", f"classifier.{position}.")
    return name


def constant(name, array):
    return numpy_helper.from_array(np.ascontiguousarray(array), name)


def conv_body(prefix, nodes, initialisers):
    """conv, ReLU, pool nodes; the tensor after the last pool."""
    value = "input_nchw"
    for ix, name in enumerate(NAMES):
        weight, bias = STATE[f"features.conv{name}.weight"].numpy(), STATE[f"features.conv{name}.bias"].numpy()
        if ix == 0:  # weights that reach the convolution through Identity
            initialisers += [constant(prefix + "first", weight), constant(f"{prefix}b{ix}", bias)]
            nodes.append(helper.make_node("Identity", [prefix + "first"], [f"{prefix}w{ix}"]))
        elif ix == 1:  # weights in Keras order, transposed in the graph
            initialisers += [constant(prefix + "hwio", weight.transpose(2, 3, 1, 0)), constant(f"{prefix}b{ix}", bias)]
            nodes.append(helper.make_node("Transpose", [prefix + "hwio"], [f"{prefix}w{ix}"], perm=[3, 2, 0, 1]))
        elif ix == 2:  # weights in a Constant node, bias added afterwards
            nodes.append(helper.make_node("Constant", [], [f"{prefix}w{ix}"], value=constant("value", weight)))
            initialisers.append(constant(f"{prefix}b{ix}", bias.reshape(1, -1, 1, 1)))
        elif ix == 3:  # float_data instead of raw_data
            typed = helper.make_tensor(f"{prefix}w{ix}", TensorProto.FLOAT, weight.shape, weight.flatten().tolist())
            initialisers += [typed, constant(f"{prefix}b{ix}", bias)]
        else:
            initialisers += [constant(f"{prefix}w{ix}", weight), constant(f"{prefix}b{ix}", bias)]
        inputs = [value, f"{prefix}w{ix}"] + ([] if ix == 2 else [f"{prefix}b{ix}"])
        nodes.append(helper.make_node("Conv", inputs, [f"c{ix}"], name=f"conv{name}", kernel_shape=[3, 3], pads=[1] * 4))
        value = f"c{ix}"
        if ix == 2:
            nodes.append(helper.make_node("Add", [value, f"{prefix}b{ix}"], [f"a{ix}"]))
            value = f"a{ix}"
        nodes.append(helper.make_node("Relu", [value], [f"r{ix}"]))
        value = f"r{ix}"
        if ix in POOL_AFTER:
            nodes.append(helper.make_node("MaxPool", [value], [f"p{ix}"], kernel_shape=[2, 2], strides=[2, 2]))
            value = f"p{ix}"
    return value


def save_onnx(path, nodes, initialisers, inputs, output):
    graph = helper.make_graph(
        nodes,
        "narrow_vgg16",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, inputs)],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)],
        initialisers,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)


def onnx_body(path):
    """As tf2onnx leaves a Keras VGG-16: channels last outside, a head of its own behind a Transpose."""
    nodes, initialisers = [helper.make_node("Transpose", ["input"], ["input_nchw"], perm=[0, 3, 1, 2])], []
    value = conv_body("k_", nodes, initialisers)
    nodes.append(helper.make_node("Transpose", [value], ["nhwc"], perm=[0, 2, 3, 1]))
    nodes.append(helper.make_node("Flatten", ["nhwc"], ["flat"], axis=1))
    initialisers.append(constant("head", values(99, (98, 4))))
    nodes.append(helper.make_node("MatMul", ["flat", "head"], ["out"]))
    save_onnx(path, nodes, initialisers, [1, 224, 224, 3], "out")


def onnx_full(path):
    """As PyTorch exports: Gemm with transB; the last layer as MatMul and Add."""
    nodes, initialisers = [helper.make_node("Identity", ["input"], ["input_nchw"])], []
    value = conv_body("", nodes, initialisers)
    nodes.append(helper.make_node("Flatten", [value], ["flat"], axis=1))
    value = "flat"
    for name, _, _ in LINEAR:
        weight, bias = STATE[f"classifier.{name}.weight"].numpy(), STATE[f"classifier.{name}.bias"].numpy()
        initialisers.append(constant(name + "b", bias))
        if name == "fc8a":
            initialisers.append(constant(name + "w", weight.T))
            nodes.append(helper.make_node("MatMul", [value, name + "w"], [name + "m"]))
            nodes.append(helper.make_node("Add", [name + "m", name + "b"], [name]))
        else:
            initialisers.append(constant(name + "w", weight))
            nodes.append(helper.make_node("Gemm", [value, name + "w", name + "b"], [name], transB=1))
            nodes.append(helper.make_node("Relu", [name], [name + "r"]))
            value = name + "r"
    save_onnx(path, nodes, initialisers, [1, 3, 224, 224], "fc8a")


def onnx_channels_last(path):
    """A whole VGG-16 whose flattened map is channel-minor: its weights would need another order."""
    nodes, initialisers = [helper.make_node("Transpose", ["input"], ["input_nchw"], perm=[0, 3, 1, 2])], []
    value = conv_body("", nodes, initialisers)
    nodes.append(helper.make_node("Transpose", [value], ["nhwc"], perm=[0, 2, 3, 1]))
    nodes.append(helper.make_node("Flatten", ["nhwc"], ["flat"], axis=1))
    value = "flat"
    for name, _, _ in LINEAR:
        weight, bias = STATE[f"classifier.{name}.weight"].numpy(), STATE[f"classifier.{name}.bias"].numpy()
        initialisers += [constant(name + "w", weight), constant(name + "b", bias)]
        nodes.append(helper.make_node("Gemm", [value, name + "w", name + "b"], [name], transB=1))
        nodes.append(helper.make_node("Relu", [name], [name + "r"]))
        value = name + "r"
    save_onnx(path, nodes, initialisers, [1, 224, 224, 3], value)


def main():
    torch.save(STATE, "authors_zip.pth")
    torch.save(STATE, "authors_legacy.pth", _use_new_zipfile_serialization=False)
    wrapped = {"epoch": 3, "arch": "vgg16", "best": 0.5, "state_dict": collections.OrderedDict()}
    for name, tensor in STATE.items():
        wrapped["state_dict"][f"module.{name}"] = torch.nn.Parameter(tensor)
    wrapped["state_dict"]._metadata = collections.OrderedDict([("", {"version": 1})])
    torch.save(wrapped, "wrapped_zip.pth")
    torch.save(wrapped, "wrapped_legacy.pth", _use_new_zipfile_serialization=False)
    numbered = {torchvision_name(name): tensor for name, tensor in STATE.items()}
    torch.save({name: tensor.half() for name, tensor in numbered.items()}, "torchvision_half.pth")
    torch.save({name: tensor.bfloat16() for name, tensor in numbered.items()}, "torchvision_bfloat16.pth")
    save_file({name: tensor.double() for name, tensor in numbered.items()}, "torchvision_double.safetensors")
    # Every weight a transposed view, and all of them views into one storage with gaps.
    pool, start, views = torch.zeros(4096), 5, {}
    for name, tensor in copy.deepcopy(STATE).items():
        transposed = tensor.permute(*reversed(range(tensor.dim()))).contiguous()
        view = pool[start : start + tensor.numel()].view(transposed.shape)
        view.copy_(transposed)
        views[name], start = view.permute(*reversed(range(tensor.dim()))), start + tensor.numel() + 1
    torch.save(views, "views_zip.pth", pickle_protocol=4)
    onnx_body("keras_body.onnx")
    onnx_full("torch_full.onnx")
    onnx_channels_last("channels_last.onnx")


main()
