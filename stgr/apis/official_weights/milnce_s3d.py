"""``s3d_howto100m.pth``, the S3D of MIL-NCE: heads to start from, and the backbone checked."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from torch import Tensor

from stgr.apis.official_weights.tensor_files import (
    Shape,
    check_names,
    read_official,
    save_tensors,
    sha256_of,
)

HEADS_FILE, BACKBONE_FILE = 'global_head.safetensors', 's3d.safetensors'
# The paper's global heads on S3D start as these: GroundingYouTube at 5efcdd8,
# ``main_distributed.py``, option --from_mil.
HEAD_NAMES = {
    'fc': 'global_head.video_proj',
    'text_module.fc2': 'global_head.text_proj',
}
_COUNTER = 'num_batches_tracked'  # written by newer versions of torch only; no weight
_VOCABULARY = 'text_module.word_embd.weight'
# Channels of the Inception blocks: in, then of the branches b0, b1_a, b1_b, b2_a, b2_b, b3_b
# (Xie et al. 2018; antoine77340/S3D_HowTo100M, ``s3dg.py``).
_BLOCKS = {
    'mixed_3b': (192, 64, 96, 128, 16, 32, 32),
    'mixed_3c': (256, 128, 128, 192, 32, 96, 64),
    'mixed_4b': (480, 192, 96, 208, 16, 48, 64),
    'mixed_4c': (512, 160, 112, 224, 24, 64, 64),
    'mixed_4d': (512, 128, 128, 256, 24, 64, 64),
    'mixed_4e': (512, 112, 144, 288, 32, 64, 64),
    'mixed_4f': (528, 256, 160, 320, 32, 128, 128),
    'mixed_5b': (832, 256, 160, 320, 32, 128, 128),
    'mixed_5c': (832, 384, 192, 384, 48, 128, 128),
}


def convert_milnce_s3d(source: str | Path, out: str | Path) -> list[str]:
    """Write the two parts of MIL-NCE's S3D into a folder; return a report.

    ``global_head.safetensors`` holds ``fc`` and ``text_module.fc2`` as our global head's two
    projections (video from 1024, text from 2048, both to 512); ``s3d.safetensors`` all other
    tensors under their own names.

    Args:
        source: The released file: 537 tensors, fewer where it lacks BatchNorm's counters.
        out: The folder; it is made.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file cannot be read safely, or lacks or has a name more than this S3D.
    """
    tensors = read_official(source)
    expected = s3d_shapes(vocabulary=_rows(tensors))
    found, _ = check_names(
        tensors,
        expected,
        source=source,
        model="MIL-NCE's S3D",
        may_lack=[name for name in expected if name.endswith(_COUNTER)],
    )
    heads = {
        f'{ours}.{kind}': found.pop(f'{theirs}.{kind}')
        for theirs, ours in HEAD_NAMES.items()
        for kind in ('weight', 'bias')
    }
    origin = {'file': Path(source).name, 'sha256': sha256_of(source)}
    report = [f'{len(heads) + len(found)} of {len(tensors)} tensors taken from {source}']
    lacking = len(expected) - len(heads) - len(found)
    if lacking:
        report.append(f'without {lacking} counters of BatchNorm ({_COUNTER}), which nobody needs')
    return [
        *report,
        save_tensors(found, Path(out) / BACKBONE_FILE, origin=origin),
        save_tensors(heads, Path(out) / HEADS_FILE, origin=origin),
    ]


def s3d_shapes(vocabulary: int = 66250) -> dict[str, Shape]:
    """Return every name and shape of the class ``S3D`` with 512 outputs, in its order.

    Args:
        vocabulary: Rows of the word embedding; the first stands for padding.
    """
    return dict(_all_shapes(vocabulary))


def _all_shapes(vocabulary: int) -> Iterator[tuple[str, Shape]]:
    yield from _conv('conv1', (64, 24, 2, 4, 4))
    yield from _conv('conv_2b', (64, 64, 1, 1, 1))
    yield from _separable('conv_2c', 192, 64)
    yield from _linear('gating.fc', 192, 192)
    for name, channels in _BLOCKS.items():
        yield from _inception(name, *channels)
    yield from _linear('fc', 512, 1024)
    yield _VOCABULARY, (vocabulary, 300)
    yield from _linear('text_module.fc1', 2048, 300)
    yield from _linear('text_module.fc2', 512, 2048)


def _inception(
    name: str, width: int, b0: int, b1_a: int, b1_b: int, b2_a: int, b2_b: int, b3_b: int
) -> Iterator[tuple[str, Shape]]:
    yield from _conv(f'{name}.conv_b0', (b0, width, 1, 1, 1))
    yield from _conv(f'{name}.conv_b1_a', (b1_a, width, 1, 1, 1))
    yield from _separable(f'{name}.conv_b1_b', b1_b, b1_a)
    yield from _conv(f'{name}.conv_b2_a', (b2_a, width, 1, 1, 1))
    yield from _separable(f'{name}.conv_b2_b', b2_b, b2_a)
    yield from _conv(f'{name}.conv_b3_b', (b3_b, width, 1, 1, 1))
    for branch, channels in enumerate((b0, b1_b, b2_b, b3_b)):
        yield from _linear(f'{name}.gating_b{branch}.fc', channels, channels)


def _separable(name: str, out: int, into: int) -> Iterator[tuple[str, Shape]]:
    """In space, then in time."""
    yield from _conv(name, (out, into, 1, 3, 3))
    yield from _conv(name, (out, out, 3, 1, 1), number=2)


def _conv(name: str, kernel: Shape, number: int = 1) -> Iterator[tuple[str, Shape]]:
    yield f'{name}.conv{number}.weight', kernel
    norm = f'{name}.bn{number}'
    for part in ('weight', 'bias', 'running_mean', 'running_var'):
        yield f'{norm}.{part}', kernel[:1]
    yield f'{norm}.{_COUNTER}', ()


def _linear(name: str, out: int, into: int) -> Iterator[tuple[str, Shape]]:
    yield f'{name}.weight', (out, into)
    yield f'{name}.bias', (out,)


def _rows(tensors: Mapping[str, Tensor]) -> int:
    """Return the size of the vocabulary, the one number that another dictionary changes."""
    embedding = tensors.get(_VOCABULARY)
    return 66250 if embedding is None or embedding.dim() != 2 else len(embedding)
