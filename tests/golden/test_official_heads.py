"""Scores and heat maps equal what the authors' classes computed for the same weights and inputs.

Each ``official_heads*.npz`` says in ``meta`` from which seeds its weights and inputs are redrawn.
"""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from stgr.models.heads import CrossSelfCrossHead, GlobalHead

pytestmark = pytest.mark.golden

DIM = 512
PATCHES = 49
FOLDER = Path(os.environ.get('STGR_GOLDEN_DIR', Path(__file__).parent / 'data'))
FILES = sorted(FOLDER.glob('official_heads*.npz'))


def list_cases(prefix):
    """Return (file, case) of every file; one skipped entry where there is none."""
    if not FILES:
        reason = f'no official_heads*.npz in {FOLDER}; set STGR_GOLDEN_DIR'
        return [pytest.param(None, None, marks=pytest.mark.skip(reason=reason))]
    cases = []
    for path in FILES:
        names = json.loads(str(np.load(path)['meta']))['cases']
        cases += [pytest.param(path, name, id=f'{path.stem}-{name}') for name in names]
    return [case for case in cases if case.values[1].startswith(prefix)]


def draw_weights(meta):
    """Return the official tensors by name, drawn in float64 and rounded to float32."""
    stream = np.random.RandomState(meta['weights_seed'])
    shapes = {'in_proj_weight': (3 * DIM, DIM), 'in_proj_bias': (3 * DIM,)}
    weights = {}
    for name in meta['key_order']:
        last = name.rsplit('.', 1)[-1]
        shape = shapes.get(last, (DIM, DIM) if last == 'weight' else (DIM,))
        factor = DIM**-0.5 if len(shape) == 2 else 0.05
        weights[name] = torch.tensor(stream.standard_normal(shape) * factor, dtype=torch.float32)
    return weights


def draw_inputs(case):
    """Return frames, patches, sentences, words and the word mask of a case."""
    stream = np.random.RandomState(case['seed'])
    clips = case['b']
    shapes = [
        (clips, DIM),
        (clips, case['t'] * PATCHES, DIM),
        (clips, DIM),
        (clips, case['L'], DIM),
    ]
    drawn = [
        torch.tensor(stream.standard_normal(shape) * case['scale'], dtype=torch.float32)
        for shape in shapes
    ]
    return *drawn, torch.arange(case['L']) < torch.tensor(case['lengths'])[:, None]


def load_head(head, weights):
    """Fill a head with the official tensors under its own names, strictly."""
    state = {
        official.replace(theirs, ours): tensor
        for ours, theirs in head.official_names.items()
        for official, tensor in weights.items()
        if official.startswith(f'{theirs}.')
    }
    head.load_state_dict(state, strict=True)
    return head


def load_case(path, name):
    """Return the local head, the global head, the inputs and the expected arrays of a case."""
    archive = np.load(path)
    meta = json.loads(str(archive['meta']))
    weights = draw_weights(meta)
    local = CrossSelfCrossHead(DIM, DIM, DIM, scale_at_eval=False, residual_at_eval=False)
    expected = {
        key.split('/')[1]: archive[key] for key in archive.files if key.startswith(f'{name}/')
    }
    heads = load_head(local, weights), load_head(GlobalHead(DIM, DIM, DIM), weights)
    return *heads, draw_inputs(meta['cases'][name]), expected


@pytest.mark.parametrize(('path', 'name'), list_cases('train'))
def test_training_scores_equal_the_official_ones(path, name):
    local, _, (_, patches, _, words, mask), expected = load_case(path, name)

    scores = local.train().scores(patches, words, None, mask).detach().numpy()

    error = np.abs(scores - expected['pair_scores']).max()
    assert error <= 1e-6 * np.abs(expected['pair_scores']).max()


@pytest.mark.parametrize(('path', 'name'), list_cases('train'))
def test_pooled_embeddings_equal_the_official_ones(path, name):
    local, _, (_, patches, _, words, mask), expected = load_case(path, name)

    video, text = local.train().pooled(patches, words, None, mask)

    np.testing.assert_allclose(video.detach(), expected['video_local'], rtol=0, atol=1e-5)
    np.testing.assert_allclose(text.detach(), expected['text_local'], rtol=0, atol=1e-5)


@pytest.mark.parametrize(('path', 'name'), list_cases('train'))
def test_global_embeddings_equal_the_official_ones(path, name):
    _, head, (frames, _, sentences, _, _), expected = load_case(path, name)

    video = head.pool(head.project_video(frames[:, None]))
    text = head.project_text(sentences)

    np.testing.assert_allclose(video.detach(), expected['video_global'], rtol=0, atol=1e-5)
    np.testing.assert_allclose(text.detach(), expected['text_global'], rtol=0, atol=1e-5)


@pytest.mark.parametrize(('path', 'name'), list_cases('eval'))
def test_heat_maps_equal_the_official_ones(path, name):
    local, _, (_, patches, _, words, mask), expected = load_case(path, name)
    patches = patches.unflatten(1, (-1, PATCHES))

    heat = local.eval().heatmaps(patches, words[:1], mask[:1])

    shape = expected['heat'].shape
    np.testing.assert_allclose(heat.view(shape), expected['heat'], rtol=0, atol=1e-6)
