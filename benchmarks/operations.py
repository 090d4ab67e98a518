"""Number of multiplications and additions that a traced function executes.

Counted are the convolutions of the graph, their two gradients and the matrix products, with two
operations per multiply-add, including taps on the padding. The TensorFlow profiler counts them in
the same way. Unlike the profiler, we count only operations that the function's results depend on:
the tracer also records unused gradients (that of the images, for instance), which the runtime
skips. Elementwise operations, normalisation, pooling and the optimizer are not counted: they take
time, but a matrix unit could not execute them.
"""

import math
from collections import Counter

import tensorflow as tf

_CONVOLUTIONS = ("Conv2D", "Conv2DBackpropInput", "Conv2DBackpropFilter")
_PRODUCTS = ("MatMul", "BatchMatMulV2")
COUNTED = (*_CONVOLUTIONS, *_PRODUCTS)


def count_operations(function: tf.types.experimental.ConcreteFunction) -> int:
    """Multiplications plus additions of one call.

    Raises:
        ValueError: a shape is unknown, or a counted operation is in a nested function, where it
            would be missed.
    """
    graph = function.graph
    for nested in graph.as_graph_def().library.function:
        hidden = {node.op for node in nested.node_def}.intersection(COUNTED)
        if hidden:
            raise ValueError(f"{', '.join(hidden)} in the nested function {nested.signature.name}")
    return sum(operations_by_type(executed_operations(graph)).values())


def executed_operations(graph: tf.Graph) -> list[tf.Operation]:
    """The operations that a function graph's outputs and side effects depend on."""
    reached: set[tf.Operation] = set()
    waiting = [tensor.op for tensor in graph.outputs] + list(graph.control_outputs)
    while waiting:
        operation = waiting.pop()
        if operation not in reached:
            reached.add(operation)
            waiting.extend(tensor.op for tensor in operation.inputs)
            waiting.extend(operation.control_inputs)
    return [operation for operation in graph.get_operations() if operation in reached]


def operations_by_type(operations: list[tf.Operation]) -> Counter[str]:
    """Multiplications plus additions by type of operation, `COUNTED` only."""
    totals: Counter[str] = Counter()
    for operation in operations:
        if operation.type in _CONVOLUTIONS:
            totals[operation.type] += 2 * _convolution_multiplications(operation)
        elif operation.type in _PRODUCTS:
            totals[operation.type] += 2 * _product_multiplications(operation)
    return totals


def _convolution_multiplications(operation: tf.Operation) -> int:
    """One product per output element of the forward convolution and weight that it uses."""
    match operation.type:
        case "Conv2D":
            output, kernel = operation.outputs[0], operation.inputs[1]
        case "Conv2DBackpropInput":
            output, kernel = operation.inputs[2], operation.inputs[1]
        case _:  # Conv2DBackpropFilter: the same products, summed over images instead
            output, kernel = operation.inputs[2], operation.outputs[0]
    height, width, channels, filters = _known_shape(operation, kernel)
    assert _known_shape(operation, output)[-1] == filters  # NHWC; the runtime may still reorder
    return math.prod(_known_shape(operation, output)) * height * width * channels


def _product_multiplications(operation: tf.Operation) -> int:
    shape = _known_shape(operation, operation.inputs[0])
    transposed = operation.get_attr("transpose_a" if operation.type == "MatMul" else "adj_x")
    inner = shape[-2] if transposed else shape[-1]
    return math.prod(_known_shape(operation, operation.outputs[0])) * inner


def _known_shape(operation: tf.Operation, tensor: tf.Tensor) -> list[int]:
    if not tensor.shape.is_fully_defined():
        raise ValueError(f"{operation.name} ({operation.type}): unknown shape {tensor.shape}.")
    return tensor.shape.as_list()
