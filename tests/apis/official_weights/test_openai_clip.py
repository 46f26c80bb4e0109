"""A CLIP under OpenAI's names becomes one of transformers that computes the same."""

import shutil

import pytest
import torch

from stgr.apis.official_weights import convert_openai_clip
from stgr.apis.official_weights.clip_architecture import ClipArchitecture, Tower
from stgr.models.backbones import CLIPBackbone
from stgr.models.backbones.clip_loading import fingerprint

# Sizes differ, so that none can stand in for another, but for one: as in ViT-B/32 the text's
# projection is square, and only numbers can tell whether it was transposed.
SIZES = {
    'vision': (2, 128, 192),
    'text': (3, 64, 160),
    'patch': 8,
    'grid': 3,
    'context': 18,
    'projection': 64,
}


@pytest.fixture
def tensors(oracle, tiny_clip_dir):
    """Random tensors of a small CLIP with the tiny tokenizer's vocabulary."""
    vocabulary = len(CLIPBackbone(tiny_clip_dir).tokenizer)
    return oracle.draw_clip(**SIZES, vocabulary=vocabulary)


@pytest.mark.parametrize('dtype', [torch.float32, torch.float16])
def test_converted_clip_computes_what_openais_computes(
    dtype, tensors, oracle, release, tiny_clip_dir, tmp_path
):
    tensors = {name: tensor.to(dtype) for name, tensor in tensors.items()}
    convert_openai_clip(release(tensors), tmp_path / 'clip', tokenizer=tiny_clip_dir)
    backbone = CLIPBackbone(tmp_path / 'clip')
    pictures = torch.randn(1, 2, 3, 24, 24)
    sentences = ['now whisk the eggs', 'pour the milk in slowly']

    video = backbone.encode_video(pictures, torch.ones(1, 2, dtype=torch.bool))
    token_ids, mask = backbone.tokenize(sentences)
    text = backbone.encode_text(token_ids, mask)

    assert backbone.grid == (3, 3)
    for i in range(2):
        expected = oracle.encode_image(tensors, pictures[0, i]).float()
        torch.testing.assert_close(video.frames[0, i], expected[0], rtol=0, atol=1e-5)
        torch.testing.assert_close(video.patches[0, i], expected[1:], rtol=0, atol=1e-5)
        states, end = oracle.encode_text(tensors, token_ids[i])
        torch.testing.assert_close(text.sentence[i], states[end].float(), rtol=0, atol=1e-5)
        words = states[1:end].float()
        torch.testing.assert_close(text.words[i, : end - 1], words, rtol=0, atol=1e-5)
        assert text.mask[i].sum() == end - 1


def test_report_says_what_was_taken_and_the_files_sha256(tensors, release, tiny_clip_dir, tmp_path):
    from hashlib import sha256

    report = convert_openai_clip(release(tensors), tmp_path / 'clip', tokenizer=tiny_clip_dir)

    weights = (tmp_path / 'clip' / 'model.safetensors').read_bytes()
    assert report[0].startswith(f'{len(tensors)} of {len(tensors)} tensors taken: 2 layers')
    assert 'pictures of 24 x 24' in report[0]
    assert sha256(weights).hexdigest() in report[-1]
    assert fingerprint(CLIPBackbone(tmp_path / 'clip').clip) in report[1]


@pytest.mark.parametrize(
    'name',
    [
        'visual.proj',
        'logit_scale',
        'visual.ln_post.bias',
        'visual.transformer.resblocks.0.attn.in_proj_weight',
        'transformer.resblocks.1.mlp.c_proj.bias',
    ],
)
def test_missing_and_left_over_names_are_both_listed_and_nothing_is_written(
    name, tensors, release, tiny_clip_dir, tmp_path
):
    tensors[f'clip.{name}'] = tensors.pop(name)

    with pytest.raises(ValueError, match=rf'1 missing \({name}\); 1 left over \(clip.{name}\)'):
        convert_openai_clip(release(tensors), tmp_path / 'out/clip', tokenizer=tiny_clip_dir)
    assert not (tmp_path / 'out').exists()


def test_whole_missing_layer_is_listed(tensors, release, tiny_clip_dir, tmp_path):
    lost = [name for name in tensors if name.startswith('transformer.resblocks.1.')]
    for name in lost:
        del tensors[name]

    with pytest.raises(ValueError, match=rf'12 missing \({lost[0]}, {lost[1]}, '):
        convert_openai_clip(release(tensors), tmp_path / 'clip', tokenizer=tiny_clip_dir)


def test_tensor_of_another_shape_is_named_with_both(tensors, release, tiny_clip_dir, tmp_path):
    tensors['ln_final.bias'] = torch.zeros(65)

    with pytest.raises(ValueError, match=r'ln_final.bias \(65,\) instead of \(64,\)'):
        convert_openai_clip(release(tensors), tmp_path / 'clip', tokenizer=tiny_clip_dir)


def test_only_names_that_a_pattern_allows_are_ignored_and_they_are_said(
    tensors, release, tiny_clip_dir, tmp_path
):
    tensors |= {'queue.a': torch.ones(2), 'queue.b': torch.ones(2), 'head': torch.ones(1)}
    file = release(tensors)

    with pytest.raises(ValueError, match=r'1 left over \(head\).*--ignore'):
        convert_openai_clip(file, tmp_path / 'a', tokenizer=tiny_clip_dir, ignore=['queue.*'])
    report = convert_openai_clip(
        file, tmp_path / 'a', tokenizer=tiny_clip_dir, ignore=['queue.*', 'head']
    )

    assert 'WARNING: ignored 3 names: queue.a, queue.b, head' in report


def test_pattern_does_not_excuse_a_missing_tensor(tensors, release, tiny_clip_dir, tmp_path):
    del tensors['visual.proj']

    with pytest.raises(ValueError, match=r'missing \(visual\.proj\)'):
        convert_openai_clip(release(tensors), tmp_path / 'a', tokenizer=tiny_clip_dir, ignore=['*'])


def test_sizes_that_openais_archives_carry_must_agree(tensors, release, tiny_clip_dir, tmp_path):
    sizes = {'input_resolution': torch.tensor(24), 'context_length': torch.tensor(18)}
    report = convert_openai_clip(
        release(tensors | sizes), tmp_path / 'clip', tokenizer=tiny_clip_dir
    )

    assert 'agree with the shapes: input_resolution, context_length' in report
    sizes['input_resolution'] = torch.tensor(224)
    with pytest.raises(ValueError, match=r'input_resolution is .*224.* but the shapes say 24'):
        convert_openai_clip(release(tensors | sizes), tmp_path / 'b', tokenizer=tiny_clip_dir)


def test_tokenizer_of_another_model_is_refused(tensors, oracle, release, tiny_clip_dir, tmp_path):
    vocabulary = len(tensors['token_embedding.weight'])
    other = oracle.draw_clip(**SIZES, vocabulary=vocabulary + 1)

    with pytest.raises(ValueError, match=rf'has {vocabulary} tokens.* needs {vocabulary + 1}'):
        convert_openai_clip(release(other), tmp_path / 'clip', tokenizer=tiny_clip_dir)
    with pytest.raises(FileNotFoundError, match=r'no tokenizer in .*; give a folder'):
        convert_openai_clip(release(tensors), tmp_path / 'clip', tokenizer=tmp_path / 'nowhere')


def test_folder_that_holds_something_is_left_alone(tensors, release, tiny_clip_dir, tmp_path):
    shutil.copytree(tiny_clip_dir, tmp_path / 'clip')
    before = CLIPBackbone(tmp_path / 'clip').fingerprint

    with pytest.raises(FileExistsError, match='exists already'):
        convert_openai_clip(release(tensors), tmp_path / 'clip', tokenizer=tiny_clip_dir)
    assert CLIPBackbone(tmp_path / 'clip').fingerprint == before


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'visual.layer1.0.conv1.weight': torch.ones(1)}, 'ResNet'),
        ({'visual.positional_embedding': torch.ones(11, 128)}, '11 rows'),
        ({'transformer.resblocks.0.mlp.c_fc.weight': torch.ones(160, 60)}, 'width 60'),
        ({'visual.conv1.weight': torch.ones(3)}, 'expected 4 axes'),
    ],
)
def test_what_is_no_such_clip_is_refused(
    change, message, tensors, release, tiny_clip_dir, tmp_path
):
    with pytest.raises(ValueError, match=message):
        convert_openai_clip(release(tensors | change), tmp_path / 'clip', tokenizer=tiny_clip_dir)


def test_vit_b_32_has_the_302_names_and_all_numbers_of_openais():
    clip = ClipArchitecture(
        vision=Tower(12, 768, 3072),
        text=Tower(12, 512, 2048),
        patch=32,
        grid=7,
        context=77,
        vocabulary=49408,
        projection=512,
    )

    shapes = clip.shapes()

    assert len(shapes) == 302
    assert sum(torch.Size(shape).numel() for shape in shapes.values()) == 151_277_313
    empty = {name: torch.empty(shape, device='meta') for name, shape in shapes.items()}
    assert ClipArchitecture.of(empty, source='memory') == clip
