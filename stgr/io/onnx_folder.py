"""A folder that holds a whole model as ONNX graphs, with all that has to be known beside them.

``model.json`` says what the graphs are, ``tokenizer`` is that of transformers, and the graphs are
``video.onnx``, ``text.onnx``, ``similarity.onnx`` and ``heat.onnx``.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

from stgr.io.atomic import write_atomically
from stgr.io.checked_json import JsonNode, read_json

FORMAT = 'stgr-onnx/1'
GRAPHS = ('video', 'text', 'similarity', 'heat')
METADATA_FILE = 'model.json'
TOKENIZER = 'tokenizer'
PADDINGS = ('longest', 'max_length')
Three = tuple[float, float, float]


@dataclass(frozen=True)
class VideoFormat:
    """What enters the video encoder and what leaves it.

    Args:
        image_size: Side of the square picture in pixels; frames are squashed to it.
        mean, std: Statistics of the input, RGB in [0, 1].
        rows, columns: The patch grid.
        dim: Width of frames and patches.
        layer: Which layer they are taken from, in words.
    """

    image_size: int
    mean: Three
    std: Three
    rows: int
    columns: int
    dim: int
    layer: str


@dataclass(frozen=True)
class TextFormat:
    """What enters the text encoder and what leaves it.

    Args:
        dim: Width of sentences and words.
        max_words: Words that leave it, real or padding.
        max_tokens: Its length.
        lower: Whether sentences are lower-cased first.
        padding: Whether token ids are as long as the ``longest`` sentence or ``max_length``.
    """

    dim: int
    max_words: int
    max_tokens: int
    lower: bool
    padding: str


@dataclass(frozen=True)
class AnswerSettings:
    """How similarity and heat become answers; see ``BaseGrounder``.

    Args:
        pool_threshold, query_threshold: Calibrated thresholds of the similarity.
        heat_window: Frames whose patches compete for heat.
        rate_fps: Frames evaluated per second; None for the default.
    """

    pool_threshold: float
    query_threshold: float
    heat_window: int
    rate_fps: float | None


@dataclass(frozen=True)
class OnnxModel:
    """What ``model.json`` says.

    Args:
        name: Name or config of the model that was converted.
        weights_sha256, config_sha256: Checksums of what it was; see ``ModelFacts``.
        notice: What a reader must know before trusting an answer.
        precision: float32 or int8.
        opset: Version of the ONNX operators.
        made_with: Versions of the packages that made it.
        video, text, answers: See their classes.
        agreement: How near the encoders' outputs are to those of torch: the lowest cosine by name.
        files: sha256 of every other file, by its path in the folder.
    """

    name: str
    weights_sha256: str | None
    config_sha256: str | None
    notice: str | None
    precision: str
    opset: int
    made_with: dict[str, str]
    video: VideoFormat
    text: TextFormat
    answers: AnswerSettings
    agreement: dict[str, float]
    files: dict[str, str]

    @property
    def sha256(self) -> str:
        """Checksum of the whole model."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


def is_onnx_folder(path: str | Path) -> bool:
    """Return whether a path is a folder with a model in ONNX."""
    return (Path(path) / METADATA_FILE).is_file()


def hash_files(folder: Path) -> dict[str, str]:
    """Return the sha256 of every file of a folder but ``model.json``, by its path in it."""
    files = sorted(file for file in folder.rglob('*') if file.is_file())
    names = {file.relative_to(folder).as_posix(): file for file in files}
    names.pop(METADATA_FILE, None)
    return {name: hashlib.sha256(file.read_bytes()).hexdigest() for name, file in names.items()}


def write_onnx_model(model: OnnxModel, folder: Path) -> None:
    """Write ``model.json``."""
    document = {'format': FORMAT, **asdict(model)}
    write_atomically(folder / METADATA_FILE, (json.dumps(document, indent=2) + '\n').encode())


def read_onnx_model(folder: str | Path) -> OnnxModel:
    """Return what ``model.json`` says, once every file is known to be the one it speaks of.

    Raises:
        FileNotFoundError: If there is no ``model.json``, or a file of the model is missing.
        ValueError: If it is damaged or of another format, or a file is not the one it speaks of.
    """
    folder = Path(folder)
    model = _parse(read_json(folder / METADATA_FILE))
    expected = {f'{graph}.onnx' for graph in GRAPHS}
    if missing := sorted(expected - set(model.files)):
        raise ValueError(f'{folder / METADATA_FILE}: files names no {", ".join(missing)}')
    for name, sha256 in model.files.items():
        _check_file(folder, name, sha256)
    return model


def _check_file(folder: Path, name: str, sha256: str) -> None:
    inside = PurePosixPath(name)
    if inside.is_absolute() or '..' in inside.parts:
        raise ValueError(f'{folder / METADATA_FILE}: {name!r} lies outside the folder')
    file = folder / name
    if not file.is_file():
        raise FileNotFoundError(f'{folder} lacks {name}; convert the model again')
    if hashlib.sha256(file.read_bytes()).hexdigest() != sha256:
        raise ValueError(
            f'{file} is not the file that {METADATA_FILE} speaks of (sha256); convert the model '
            'again'
        )


def _parse(node: JsonNode) -> OnnxModel:
    found = node['format'].text()
    if found != FORMAT:
        raise ValueError(f'{node.where} format must be {FORMAT}, but is {found}')
    video, text, answers = node['video'], node['text'], node['answers']
    rate = answers['rate_fps']
    return OnnxModel(
        name=node['name'].text(),
        weights_sha256=_optional(node['weights_sha256']),
        config_sha256=_optional(node['config_sha256']),
        notice=_optional(node['notice']),
        precision=node['precision'].text(),
        opset=node['opset'].integer(),
        made_with={name: entry.text() for name, entry in _entries(node['made_with'])},
        video=VideoFormat(
            image_size=_positive(video['image_size']),
            mean=_three(video['mean']),
            std=_three(video['std']),
            rows=_positive(video['rows']),
            columns=_positive(video['columns']),
            dim=_positive(video['dim']),
            layer=video['layer'].text(),
        ),
        text=TextFormat(
            dim=_positive(text['dim']),
            max_words=_positive(text['max_words']),
            max_tokens=_positive(text['max_tokens']),
            lower=text['lower'].flag(),
            padding=_one_of(text['padding'], PADDINGS),
        ),
        answers=AnswerSettings(
            pool_threshold=answers['pool_threshold'].number(),
            query_threshold=answers['query_threshold'].number(),
            heat_window=_positive(answers['heat_window']),
            rate_fps=None if rate.value is None else rate.number(),
        ),
        agreement={name: entry.number() for name, entry in _entries(node['agreement'])},
        files={name: entry.text() for name, entry in _entries(node['files'])},
    )


def _entries(node: JsonNode) -> list[tuple[str, JsonNode]]:
    if not isinstance(node.value, dict):
        raise ValueError(f'{node.where} must be an object')
    return [(name, node[name]) for name in node.value]


def _optional(node: JsonNode) -> str | None:
    return None if node.value is None else node.text()


def _positive(node: JsonNode) -> int:
    if node.integer() < 1:
        raise ValueError(f'{node.where} must be at least 1, but is {node.value}')
    return node.integer()


def _one_of(node: JsonNode, allowed: tuple[str, ...]) -> str:
    if node.text() not in allowed:
        raise ValueError(f'{node.where} must be one of {", ".join(allowed)}, not {node.value!r}')
    return node.text()


def _three(node: JsonNode) -> Three:
    values = node.array('float64')
    if len(values) != 3:
        raise ValueError(f'{node.where} must be three numbers, red to blue')
    red, green, blue = (float(value) for value in values)
    return red, green, blue
