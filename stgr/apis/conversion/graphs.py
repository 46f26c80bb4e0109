"""Write, round and check one ONNX graph."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F

LONGEST = 2**24  # of any axis; without a bound torch takes the largest integer for a case apart

if TYPE_CHECKING:
    from stgr.apis.conversion.exported_parts import ExportedPart


def write_graph(part: 'ExportedPart', path: Path, *, opset: int) -> None:
    """Write a part as ``.onnx``, weights included.

    Args:
        part: What is computed.
        path: The file.
        opset: Version of the ONNX operators.

    Raises:
        ValueError: If torch cannot make the graph, or an axis that may have any length became a
            constant.
    """
    lengths: dict[str, Any] = {}
    shapes = []
    for name, example in part.inputs.items():
        axes: dict[int, Any] = dict.fromkeys(range(example.ndim), torch.export.Dim.STATIC)
        for axis, length in part.axes[name].items():
            axes[axis] = lengths.setdefault(length, torch.export.Dim(length, max=LONGEST))
        shapes.append(axes)
    try:
        with torch.no_grad(), _quiet():
            torch.onnx.export(
                part.module.eval(),
                tuple(part.inputs.values()),
                path,
                input_names=list(part.inputs),
                output_names=list(part.outputs),
                dynamic_shapes=tuple(shapes),
                opset_version=opset,
                external_data=False,
                verbose=False,
                dynamo=True,
            )
    except torch.onnx.OnnxExporterError as error:
        raise ValueError(
            f'torch {torch.__version__} cannot make the graph {path.name}; convert with the '
            'versions of requirements/tested.txt'
        ) from error
    _check_axes(part, path)


def _check_axes(part: 'ExportedPart', path: Path) -> None:
    import onnx

    for given in onnx.load(path).graph.input:
        axes = given.type.tensor_type.shape.dim
        fixed = [name for axis, name in part.axes[given.name].items() if not axes[axis].dim_param]
        if fixed:
            raise ValueError(
                f'{path.name} takes {given.name} of one length of {", ".join(fixed)} only; '
                'convert with the versions of requirements/tested.txt'
            )


def quantise_graph(whole: Path, path: Path) -> None:
    """Write a graph with its matrix products in 8-bit integers.

    Weights are rounded per output channel once; inputs of the products per call, by their range.

    Args:
        whole: The graph in float32.
        path: File to write.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with _quiet():
        quantize_dynamic(
            whole,
            path,
            weight_type=QuantType.QInt8,
            per_channel=True,
            op_types_to_quantize=['MatMul', 'Gemm'],
        )


def compare_graph(part: 'ExportedPart', path: Path) -> dict[str, torch.Tensor]:
    """Return the cosines between a graph's outputs and torch's, (N,) by output.

    Vectors along the last axis are compared, on other inputs than those it was made with: twice as
    many along every axis of any length, in another order.
    """
    from stgr.models.backbones.onnx_backbone import OnnxGraph

    inputs = {name: _other(example, part.axes[name]) for name, example in part.inputs.items()}
    with torch.no_grad():
        expected = part.module(*inputs.values())
    expected = expected if isinstance(expected, tuple) else (expected,)
    found = OnnxGraph(path)(inputs)
    return {
        name: _cosines(one, other)
        for name, one, other in zip(part.outputs, found, expected, strict=True)
        if other.dtype != torch.bool
    }


def _cosines(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Return the cosines of two sets of vectors; that of two zeros, as padding is, is 1."""
    cosine = F.cosine_similarity(one.double(), other.double(), dim=-1, eps=1e-12)
    return torch.where((one == 0).all(-1) & (other == 0).all(-1), 1.0, cosine).flatten()


def _other(example: torch.Tensor, axes: Any) -> torch.Tensor:
    """Return an input of other lengths; token ids keep theirs, whose end mark is their last."""
    longer = [axis for axis, name in axes.items() if name != 'tokens']
    for axis in longer:
        example = torch.cat([example, example.flip(axis)], dim=axis)
    return example


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence what the exporter says about packages that are not there and about itself."""
    names = ('torch.onnx', 'onnxscript', 'onnx_ir', '')
    before = [(logging.getLogger(name), logging.getLogger(name).level) for name in names]
    for logger, _ in before:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            yield
    finally:
        for logger, level in before:
            logger.setLevel(level)
