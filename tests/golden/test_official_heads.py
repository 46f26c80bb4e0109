"""Scores, losses and heat maps equal what the authors' classes computed for the same numbers.

Each ``.npz`` file says in ``meta`` from which seeds its weights and inputs are redrawn, and holds
what the authors' code made of them. Every array of every file found is compared.
"""

import functools
import importlib.util
import json
import math
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from stgr.models.heads import CrossSelfCrossHead, GatedGlobalHead, GlobalHead
from stgr.models.losses import MILNCELoss

pytestmark = pytest.mark.golden

HERE = Path(__file__).parent
FOLDER = Path(os.environ.get('STGR_GOLDEN_DIR', HERE / 'data'))
DIM, PATCHES = 512, 49  # of files that do not show them
# Absolute, or relative to the largest number that the array was made from.
TOLERANCES = {
    'video_local': ('absolute', 1e-5),
    'text_local': ('absolute', 1e-5),
    'video_global': ('absolute', 1e-5),
    'text_global': ('absolute', 1e-5),
    'pair_scores': ('relative', 1e-6),
    'milnce_pairs': ('relative', 1e-6),
    'nce_global': ('relative', 1e-6),
    'heat': ('absolute', 1e-6),
}
READERS = {'heads': Path(__file__).name, 's3d': 'test_official_s3d.py'}


def read_meta(path):
    """Return the facts of a file, {} where it has none."""
    with np.load(path) as archive:
        return json.loads(str(archive['meta'])) if 'meta' in archive else {}


def kind_of(meta):
    """Return what a file is about by what it says; None if nothing here knows."""
    if {'cases', 'key_order', 'weights_seed'} <= set(meta):
        return 'heads'
    return 's3d' if {'key_order', 'sentences'} <= set(meta) else None


def list_files(folder):
    return sorted(folder.glob('*.npz'))


def list_arrays(folder):
    """Return (file, case, array) of every array of every file about heads."""
    found = []
    for path in list_files(folder):
        if kind_of(read_meta(path)) == 'heads':
            with np.load(path) as archive:
                names = [name for name in archive.files if name != 'meta']
            found += [(path, *name.rpartition('/')[::2]) for name in names]
    return found


def as_params(found, describe):
    """Return test parameters with names; one skipped entry where nothing was found."""
    if found:
        return [pytest.param(*entry, id=describe(*entry)) for entry in found]
    reason = f'no golden files in {FOLDER}; set STGR_GOLDEN_DIR'
    return [pytest.param(*[None] * 3, marks=pytest.mark.skip(reason=reason))]


def draw_weights(meta, dim):
    """Return the official tensors by name, drawn in float64 and rounded to float32."""
    stream = np.random.RandomState(meta['weights_seed'])
    shapes = {'in_proj_weight': (3 * dim, dim), 'in_proj_bias': (3 * dim,)}
    weights = {}
    for name in meta['key_order']:
        last = name.rsplit('.', 1)[-1]
        shape = shapes.get(last, (dim, dim) if last == 'weight' else (dim,))
        factor = dim**-0.5 if len(shape) == 2 else 0.05
        weights[name] = torch.tensor(stream.standard_normal(shape) * factor, dtype=torch.float32)
    return weights


def draw_inputs(case, dim, patches):
    """Return frames, patches, sentences, words and the word mask of a case."""
    stream = np.random.RandomState(case['seed'])
    clips = case['b']
    shapes = [
        (clips, dim),
        (clips, case['t'] * patches, dim),
        (clips, dim),
        (clips, case['L'], dim),
    ]
    drawn = [
        torch.tensor(stream.standard_normal(shape) * case['scale'], dtype=torch.float32)
        for shape in shapes
    ]
    return *drawn, torch.arange(case['L']) < torch.tensor(case['lengths'])[:, None]


def sizes_of(path):
    """Return width and patches per frame, as the arrays of a file show them."""
    dim, patches = DIM, PATCHES
    with np.load(path) as archive:
        for name in archive.files:
            if name.endswith(('_local', '_global')) and archive[name].ndim > 1:
                dim = archive[name].shape[-1]
            if name.endswith('/heat'):
                patches = math.prod(archive[name].shape[2:])
    return dim, patches


def load_head(head, weights):
    """Fill a head with the official tensors under its own names, strictly."""
    state = {
        official.replace(theirs, ours, 1): tensor
        for ours, theirs in head.official_names.items()
        for official, tensor in weights.items()
        if official.startswith(f'{theirs}.')
    }
    head.load_state_dict(state, strict=True)
    return head


def make_heads(meta, dim):
    """Return the local head and the global head, plain or gated, with the weights of a file."""
    weights = draw_weights(meta, dim)
    local = CrossSelfCrossHead(dim, dim, dim, scale_at_eval=False, residual_at_eval=False)
    kind = GlobalHead
    if any('.cg.' in name for name in weights):
        kind = GatedGlobalHead
    return load_head(local, weights), load_head(kind(dim, dim, dim), weights)


@functools.cache
def compute_case(path, name):
    """Return our arrays for a case, and the largest score behind each loss."""
    meta, (dim, patches) = read_meta(path), sizes_of(path)
    local, head = make_heads(meta, dim)
    inputs = draw_inputs(meta['cases'][name], dim, patches)
    with torch.no_grad():
        if name.startswith('eval'):
            return {'heat': compute_heat(local.eval(), inputs, patches)}, {}
        return compute_training(local.train(), head.train(), inputs)


def compute_heat(local, inputs, patches):
    """All windows of a case with its first sentence, as the released evaluation does."""
    _, regions, _, words, mask = inputs
    return local.heatmaps(regions.unflatten(1, (-1, patches)), words[:1], mask[:1])


def compute_training(local, head, inputs):
    frames, regions, sentences, words, mask = inputs
    video, text = local.pooled(regions, words, None, mask)
    global_video = head.pool(head.project_video(frames[:, None]))
    global_text = head.project_text(sentences)
    scores = local.scores(regions, words, None, mask)
    global_scores = head.scores(global_video, global_text)
    loss = MILNCELoss(count_positives_twice=True)
    arrays = {
        'video_local': video,
        'text_local': text,
        'video_global': global_video,
        'text_global': global_text,
        'pair_scores': scores,
        'milnce_pairs': loss(scores),
        'nce_global': loss(global_scores),
    }
    return arrays, {'milnce_pairs': scores, 'nce_global': global_scores}


def error_of(path, name, array):
    """Return how far ours is from a golden array, in units of the tolerance."""
    with np.load(path) as archive:
        expected = np.asarray(archive[f'{name}/{array}'], np.float64)
    arrays, made_from = compute_case(path, name)
    found = arrays[array].double().numpy().reshape(expected.shape)
    kind, tolerance = TOLERANCES[array]
    if kind == 'relative':
        tolerance *= np.abs(made_from[array].numpy() if array in made_from else expected).max()
    return float(np.abs(found - expected).max() / tolerance)


@pytest.mark.parametrize(
    ('path', 'name', 'array'),
    as_params(list_arrays(FOLDER), lambda *entry: f'{entry[0].stem}-{entry[1]}-{entry[2]}'),
)
def test_array_equals_the_official_one(path, name, array):
    assert error_of(path, name, array) <= 1


@pytest.mark.parametrize(
    'path', [pytest.param(path, id=path.stem) for path in list_files(FOLDER)] or [None]
)
def test_every_golden_file_is_read_by_a_test(path):
    if path is None:
        pytest.skip(f'no golden files in {FOLDER}; set STGR_GOLDEN_DIR')
    kind = kind_of(read_meta(path))

    assert kind in READERS, f'{path} is of no known kind; meta has {sorted(read_meta(path))}'
    if not (HERE / READERS[kind]).is_file():
        pytest.skip(f'nothing here computes {kind}: {READERS[kind]} is not there')


@pytest.fixture(scope='module')
def oracle():
    """Return the module of the official stack in plain float64 (tests cannot import each other)."""
    spec = importlib.util.spec_from_file_location('oracle', HERE / 'official_heads_oracle.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


LOCAL_KEYS = [
    *('vis_proj_mat.0.weight', 'vis_proj_mat.0.bias'),
    *('lang_proj_mat.0.weight', 'lang_proj_mat.0.bias'),
    *(
        f'sa_layer.{side}_attn_mat.{kind}'
        for side in ('vis', 'text')
        for kind in ('in_proj_weight', 'in_proj_bias', 'out_proj.weight', 'out_proj.bias')
    ),
]
GLOBAL_KEYS = {
    'plain': [f'{side}_proj_mat_g.0.{k}' for side in ('vis', 'lang') for k in ('weight', 'bias')],
    'gated': [
        f'{side}_proj_mat_g.{part}.{kind}'
        for side in ('vis', 'lang')
        for part in ('fc', 'cg.fc')
        for kind in ('weight', 'bias')
    ],
}


@pytest.fixture
def write_file(oracle, tmp_path):
    """Write a golden file of another seed, size, order and other lengths; return its path."""

    def write(kind, dim=24, patches=9, change=None):
        path = tmp_path / f'other_{kind}.npz'
        meta = {
            'weights_seed': 1234,
            'key_order': [*GLOBAL_KEYS[kind], *LOCAL_KEYS],
            'cases': {
                'train_x': {'seed': 1, 'b': 5, 't': 2, 'L': 7, 'lengths': [1, 7, 3, 2, 5]},
                'eval_x': {'seed': 2, 'b': 3, 't': 4, 'L': 6, 'lengths': [4, 6, 1]},
            },
        }
        for case in meta['cases'].values():
            case['scale'] = 0.7
        inputs = {name: draw_inputs(c, dim, patches) for name, c in meta['cases'].items()}
        weights = draw_weights(meta, dim)
        if change is not None:
            weights[change] = weights[change] + 1e-3
        oracle.write_golden_file(path, meta, weights, inputs)
        return path

    return write


@pytest.mark.parametrize('kind', ['plain', 'gated'])
def test_file_of_another_seed_and_size_is_found_and_equalled(kind, write_file):
    path = write_file(kind)
    entries = list_arrays(path.parent)

    assert {(name, array) for _, name, array in entries} == {
        *(('train_x', array) for array in TOLERANCES if array != 'heat'),
        ('eval_x', 'heat'),
    }
    assert all(error_of(*entry) <= 1 for entry in entries)


@pytest.mark.parametrize('key', [*LOCAL_KEYS, *GLOBAL_KEYS['plain']])
def test_comparison_sees_a_change_of_any_tensor(key, write_file):
    path = write_file('plain', change=key)

    assert max(error_of(*entry) for entry in list_arrays(path.parent)) > 1


def test_file_of_an_unknown_kind_is_no_silent_pass(tmp_path):
    np.savez(tmp_path / 'new.npz', meta=json.dumps({'cases': {}}), x=np.ones(1))

    assert kind_of(read_meta(list_files(tmp_path)[0])) is None
