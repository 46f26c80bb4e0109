"""S3D-G and the word tower give what MIL-NCE's class computed for the same weights and inputs.

``official_s3d_*.npz`` says in ``meta`` from which seeds its weights and its input are redrawn. The
expected arrays belong to antoine77340/S3D_HowTo100M ``s3dg.py``, class ``S3D``.
"""

import json
import math
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from stgr.models.backbones import S3DBackbone
from stgr.models.heads import GlobalHead

pytestmark = pytest.mark.golden

FOLDER = Path(os.environ.get('STGR_GOLDEN_DIR', Path(__file__).parent / 'data'))
FILES = sorted(FOLDER.glob('official_s3d*.npz'))
GATED_NORMS = ('conv_b0.bn1', 'conv_b1_b.bn2', 'conv_b2_b.bn2', 'conv_b3_b.bn1')
HEAD_SHAPES = {
    'fc.weight': (512, 1024),
    'fc.bias': (512,),
    'text_module.fc2.weight': (512, 2048),
    'text_module.fc2.bias': (512,),
}


def draw(stream, name, shape):
    """One official tensor by the rule in ``meta``."""
    if name.endswith('num_batches_tracked'):
        return torch.zeros((), dtype=torch.long)
    noise = stream.standard_normal(shape)
    if name.endswith('running_var'):
        values = 1 + 0.1 * np.abs(noise)
    elif '.bn' in name and name.endswith('weight'):
        gated = name.startswith('mixed_') and any(norm in name for norm in GATED_NORMS)
        values = (1 + 0.05 * noise) * (2 if gated else 1)
    elif len(shape) == 1:
        values = noise * 0.05
    else:
        values = noise * math.sqrt(2 / math.prod(shape[1:]))
    return torch.tensor(values.astype(np.float32))


@pytest.fixture(scope='module', params=FILES or [None])
def case(request, tmp_path_factory):
    """The backbone with the official weights, those weights, the facts and the expected arrays."""
    if request.param is None:
        pytest.skip(f'no official_s3d*.npz in {FOLDER}; set STGR_GOLDEN_DIR')
    archive = np.load(request.param)
    meta = json.loads(str(archive['meta']))
    folder = tmp_path_factory.mktemp('s3d')
    words = [*meta['dict'], *[''] * (meta['num_embeddings'] - 1 - len(meta['dict']))]
    np.save(folder / 'dict.npy', np.array(words))
    backbone = S3DBackbone(None, folder / 'dict.npy', image_size=128, frozen=False)
    own = backbone.video_module.state_dict() | backbone.text_module.state_dict(
        prefix='text_module.'
    )
    shapes = {name: tuple(tensor.shape) for name, tensor in own.items()} | HEAD_SHAPES
    assert sorted(meta['key_order']) == sorted(shapes)
    stream = np.random.RandomState(meta['weights_seed'])
    weights = {name: draw(stream, name, shapes[name]) for name in meta['key_order']}
    backbone.load_released(weights, source=request.param)
    backbone.freeze()
    return backbone, weights, meta, archive


@pytest.fixture(scope='module')
def video(case):
    backbone, _, meta, _ = case
    drawn = np.random.RandomState(meta['input_seed']).uniform(size=(1, 3, 16, 128, 128))
    frames = torch.tensor(drawn.astype(np.float32)).transpose(1, 2)
    return backbone.encode_video(frames, torch.ones(1, 16, dtype=torch.bool))


def assert_close(found, expected):
    """Equal up to 1e-5 of the largest value."""
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def test_patches_are_the_official_map(case, video):
    expected = case[3]['mixed_5c_map']  # (1, C, T, h, w)

    found = video.patches.unflatten(2, (4, 4)).permute(0, 4, 1, 2, 3)

    assert found.shape == expected.shape
    assert_close(found, expected)


def test_frame_features_average_to_the_official_vector(case, video):
    assert_close(video.frames.mean(dim=1), case[3]['mixed_5c'])


def test_the_last_layers_as_global_head_give_the_official_embeddings(case, video):
    backbone, weights, meta, archive = case
    head = GlobalHead(1024, 2048, 512)
    official = {'video_proj': 'fc', 'text_proj': 'text_module.fc2'}
    head.load_state_dict(
        {f'{ours}.{part}': weights[f'{theirs}.{part}']
         for ours, theirs in official.items() for part in ('weight', 'bias')}
    )  # fmt: skip

    text = backbone.encode_text(*backbone.tokenize(meta['sentences']))

    with torch.no_grad():
        assert_close(head.pool(head.project_video(video.frames)), archive['video_embedding'])
        assert_close(head.project_text(text.sentence), archive['text_embedding'])
