"""MIL-NCE's S3D is recognised tensor by tensor and split into its two parts."""

from hashlib import sha256

import pytest
import torch
from safetensors.torch import load_file

from stgr.apis.official_weights import convert_milnce_s3d
from stgr.apis.official_weights.milnce_s3d import s3d_shapes
from stgr.models.backbones import S3DBackbone
from stgr.models.heads import MILNCEGlobalHead

COUNTERS = 76


def released(vocabulary=5):
    """Return all tensors, each full of its own number; a file of it is small."""
    return {
        name: torch.tensor(i if name.endswith('tracked') else float(i)).expand(shape)
        for i, (name, shape) in enumerate(s3d_shapes(vocabulary).items())
    }


def test_names_shapes_and_numbers_are_those_of_the_official_class():
    shapes = s3d_shapes()
    listing = '\n'.join(f'{name} {list(shape)}' for name, shape in shapes.items())

    assert len(shapes) == 537
    assert sum(torch.Size(shape).numel() for shape in shapes.values()) == 31_232_500
    # of the list dumped from antoine77340/S3D_HowTo100M, in its order
    assert (
        sha256(listing.encode()).hexdigest()
        == '983aaa77e9e2c5e465c5291133a08173ff8d0dd4feab9940408d3b3247e6ba27'
    )


def test_heads_get_our_names_and_the_rest_keeps_its_own(release, tmp_path):
    tensors = released()

    report = convert_milnce_s3d(release(tensors), tmp_path / 's3d')
    heads = load_file(tmp_path / 's3d' / 'global_head.safetensors')
    backbone = load_file(tmp_path / 's3d' / 's3d.safetensors')

    expected = {
        'global_head.video_proj.weight': 'fc.weight',
        'global_head.video_proj.bias': 'fc.bias',
        'global_head.text_proj.weight': 'text_module.fc2.weight',
        'global_head.text_proj.bias': 'text_module.fc2.bias',
    }
    assert set(heads) == set(expected)
    for ours, theirs in expected.items():
        assert torch.equal(heads[ours], tensors[theirs]), ours
    assert set(backbone) == set(tensors) - set(expected.values())
    assert all(torch.equal(backbone[name], tensors[name]) for name in backbone)
    assert len(backbone) == 533
    assert report[0].startswith('537 of 537 tensors')


def test_both_files_load_where_the_released_one_does(release, tmp_path):
    tensors = released()
    convert_milnce_s3d(release(tensors), tmp_path / 's3d')
    (tmp_path / 'dict.txt').write_text('crack\negg\n', encoding='utf-8')

    backbone = S3DBackbone(tmp_path / 's3d' / 's3d.safetensors', tmp_path / 'dict.txt')
    head = MILNCEGlobalHead(1024, 2048, weights=tmp_path / 's3d' / 'global_head.safetensors')

    own = {**backbone.video_module.state_dict(), **backbone.text_module.state_dict()}
    taken = {name.removeprefix('text_module.'): tensor for name, tensor in tensors.items()}
    heads = {'fc.weight', 'fc.bias', 'fc2.weight', 'fc2.bias'}
    assert set(own) == set(taken) - heads
    different = {name for name in own if not torch.equal(own[name], taken[name])}
    assert all(name.endswith('num_batches_tracked') for name in different)  # no weights
    assert torch.equal(head.video_proj.weight, tensors['fc.weight'])
    assert torch.equal(head.text_proj.bias, tensors['text_module.fc2.bias'])


def test_file_of_an_old_torch_lacks_the_counters_of_batchnorm(release, tmp_path):
    tensors = {n: t for n, t in released().items() if not n.endswith('num_batches_tracked')}

    report = convert_milnce_s3d(release(tensors), tmp_path)

    assert f'without {COUNTERS} counters' in report[1]
    assert len(load_file(tmp_path / 's3d.safetensors')) == 533 - COUNTERS


def test_half_precision_becomes_float32_and_counters_stay_whole(release, tmp_path):
    tensors = {n: t.half() if t.is_floating_point() else t for n, t in released().items()}

    convert_milnce_s3d(release(tensors), tmp_path)
    backbone = load_file(tmp_path / 's3d.safetensors')
    heads = load_file(tmp_path / 'global_head.safetensors')

    assert backbone['conv1.conv1.weight'].dtype == torch.float32
    assert backbone['conv1.bn1.num_batches_tracked'].dtype == torch.int64
    assert {tensor.dtype for tensor in heads.values()} == {torch.float32}


@pytest.mark.parametrize(
    'name', ['fc.bias', 'text_module.fc2.weight', 'mixed_4f.gating_b2.fc.bias']
)
def test_missing_and_left_over_names_are_both_listed_and_nothing_is_written(
    name, release, tmp_path
):
    tensors = released()
    tensors[f'{name}_old'] = tensors.pop(name)

    with pytest.raises(ValueError, match=rf'1 missing \({name}\); 1 left over \({name}_old\)'):
        convert_milnce_s3d(release(tensors), tmp_path / 's3d')
    assert not (tmp_path / 's3d').exists()
