"""Write a grounder as a folder of ONNX graphs that answers as it does."""

import shutil
import tempfile
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from stgr.apis.grounder import Grounder
from stgr.io.atomic import folder_written_whole
from stgr.io.onnx_folder import (
    GRAPHS,
    TOKENIZER,
    AnswerSettings,
    OnnxModel,
    TextFormat,
    VideoFormat,
    hash_files,
    write_onnx_model,
)

if TYPE_CHECKING:
    from stgr.models.grounders.base_grounder import BaseGrounder
    from stgr.structures import ModelFacts

FORMATS = {'onnx': 'float32', 'int8': 'int8'}
OPSET = 18
SAME_COSINE = 0.9999  # float32 graphs differ from torch by rounding only


@dataclass(frozen=True)
class ConversionReport:
    """What a conversion wrote.

    Args:
        folder: Where.
        num_bytes: Of the graphs.
        agreement: Lowest cosine of the encoders' outputs to those of torch, by name.
    """

    folder: Path
    num_bytes: int
    agreement: dict[str, float]


def convert_model(
    model: str | Path, out: str | Path, *, to: str = 'onnx', weights: str | Path | None = None
) -> ConversionReport:
    """Write a model as ONNX graphs, with its tokenizer and all that has to be known beside them.

    The folder can be given wherever a model can: ``stgr ground --model FOLDER``.

    Args:
        model: As of ``Grounder``.
        out: Folder to write; it must not be there yet, and appears whole or not at all.
        to: ``onnx``: as it is. ``int8``: with the encoders' matrix products in 8-bit integers,
            weights rounded per output channel and inputs as they come (dynamic quantisation).
        weights: Likewise.

    Raises:
        ImportError: If onnx, onnxscript or onnxruntime is not installed.
        FileExistsError: If ``out`` is there already.
        FileNotFoundError: As ``Grounder`` does.
        ValueError: As ``Grounder`` does; if ``to`` is unknown, the model has a part that
            cannot be converted, or a graph does not compute what torch does.
    """
    if to not in FORMATS:
        raise ValueError(f'--to must be one of {", ".join(FORMATS)}, but is {to!r}')
    check_packages()
    from stgr.apis.conversion.exported_parts import convertible_backbone

    door = Grounder(model, weights=weights, device='cpu')
    grounder = door.inferencer.model
    backbone = convertible_backbone(grounder)
    out = Path(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    with folder_written_whole(out) as folder:
        agreement = _write_graphs(grounder, folder, int8=to == 'int8')
        backbone.tokenizer.save_pretrained(folder / TOKENIZER)
        described = _describe(grounder, door.facts, door.config.get('ground_fps'))
        written = replace(
            described, precision=FORMATS[to], agreement=agreement, files=hash_files(folder)
        )
        write_onnx_model(written, folder)
    num_bytes = sum(file.stat().st_size for file in out.glob('*.onnx'))
    return ConversionReport(out, num_bytes, agreement)


def check_packages() -> None:
    """Raise unless the packages of the extra ``onnx`` are there.

    Raises:
        ImportError: If one is not; the message is how to install them.
    """
    try:
        import onnx
        import onnxruntime
        import onnxscript
    except ImportError as error:
        raise ImportError(
            f"converting needs {error.name}; install it: pip install 'stgr[onnx]'"
        ) from error
    del onnx, onnxruntime, onnxscript


def _write_graphs(model: 'BaseGrounder', folder: Path, *, int8: bool) -> dict[str, float]:
    """Write all graphs and return how near those of the encoders are to torch."""
    from stgr.apis.conversion.exported_parts import exported_parts
    from stgr.apis.conversion.graphs import compare_graph, quantise_graph, write_graph

    agreement: dict[str, float] = {}
    parts = exported_parts(model)
    assert set(parts) == set(GRAPHS), 'the reader expects these graphs'
    for name, part in parts.items():
        path = folder / f'{name}.onnx'
        write_graph(part, path, opset=OPSET)
        found = compare_graph(part, path)
        # Attention may be so sharp that rounding decides a map: most of them have to agree.
        same = {out: float(c.median() if name == 'heat' else c.min()) for out, c in found.items()}
        if min(same.values()) < SAME_COSINE:
            raise ValueError(
                f'the graph of {name} does not compute what torch does: cosines {same}; '
                'convert with the versions of requirements/tested.txt'
            )
        if int8 and name in ('video', 'text'):
            with tempfile.TemporaryDirectory() as exact:
                whole = shutil.move(path, Path(exact) / path.name)
                quantise_graph(Path(whole), path)
            found = compare_graph(part, path)
        if name in ('video', 'text'):
            agreement |= {f'{name}.{output}': float(c.min()) for output, c in found.items()}
    return agreement


def _describe(model: 'BaseGrounder', facts: 'ModelFacts', rate_fps: float | None) -> OnnxModel:
    """Return the metadata of a model, still without what is measured and hashed."""
    from stgr.apis.conversion.exported_parts import convertible_backbone
    from stgr.models.backbones import SiglipBackbone

    backbone = convertible_backbone(model)
    siglip = isinstance(backbone, SiglipBackbone)
    return OnnxModel(
        name=facts.name,
        weights_sha256=facts.weights_sha256,
        config_sha256=facts.config_sha256,
        notice=facts.notice,
        precision='',
        opset=OPSET,
        made_with={name: version(name) for name in ('torch', 'onnx', 'onnxscript', 'onnxruntime')},
        video=VideoFormat(
            image_size=backbone.image_size,
            mean=backbone.mean,
            std=backbone.std,
            rows=backbone.grid[0],
            columns=backbone.grid[1],
            dim=backbone.video_dim,
            layer=backbone.layer,
        ),
        text=TextFormat(
            dim=backbone.text_dim,
            max_words=backbone.max_words,
            max_tokens=backbone.max_tokens,
            lower=siglip,
            padding='max_length' if siglip else 'longest',
        ),
        answers=AnswerSettings(
            pool_threshold=float(model.pool_threshold),
            query_threshold=float(model.query_threshold),
            heat_window=model.heat_window,
            rate_fps=rate_fps,
        ),
        agreement={},
        files={},
    )
