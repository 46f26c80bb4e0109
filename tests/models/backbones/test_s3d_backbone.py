"""S3DBackbone makes steps of eight frames, keeps what is frozen and loads all weights or none."""

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from stgr.engine import load_weights
from stgr.models.backbones import S3DBackbone

SENTENCES = ['Crack an egg into the bowl', 'quickly flip it', 'hello world', '']


@pytest.fixture(scope='module')
def backbone(tiny_s3d):
    return S3DBackbone(**tiny_s3d)


@pytest.fixture(scope='module')
def released(tiny_s3d):
    return load_file(tiny_s3d['weights'])


@pytest.fixture
def learner(tiny_s3d):
    """One that may be trained, so each test has its own."""
    return S3DBackbone(**tiny_s3d, frozen=False)


def pictures(clips, frames, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(clips, frames, 3, 64, 64, generator=generator)


def encode(backbone, frames, mask=None):
    if mask is None:
        mask = torch.ones(frames.shape[:2], dtype=torch.bool)
    return backbone.encode_video(frames, mask)


def statistics(backbone):
    return {name: b.clone() for name, b in backbone.named_buffers() if 'running' in name}


def moved(backbone, before):
    now = statistics(backbone)
    return [name for name, old in before.items() if not torch.equal(old, now[name])]


def test_patches_are_cells_in_reading_order_and_a_frame_is_their_mean(backbone):
    frames = pictures(2, 16)

    video = encode(backbone, frames)

    maps = backbone.video_module(frames.transpose(1, 2))  # (B, C, T, h, w)
    assert video.patches.shape == (2, 2, 4, 128)
    assert video.grid == (2, 2)
    for step in (0, 1):
        for cell in range(4):
            expected = maps[:, :, step, cell // 2, cell % 2]
            torch.testing.assert_close(video.patches[:, step, cell], expected)
    torch.testing.assert_close(video.frames, maps.mean(dim=(3, 4)).transpose(1, 2))
    assert maps.std() > 0.1  # what is compared is not all but nothing


def test_a_step_is_real_if_any_frame_is(backbone):
    mask = torch.zeros(3, 24, dtype=torch.bool)
    mask[0, :9] = True
    mask[1, 23] = True

    steps = encode(backbone, pictures(3, 24), mask).mask

    assert steps.tolist() == [[True, True, False], [False, False, True], [False] * 3]


@pytest.mark.parametrize('content', [7.0, torch.nan])
def test_padded_frames_are_black_whatever_they_hold(content, backbone):
    frames, mask = pictures(2, 16), torch.arange(16) < torch.tensor([[16], [11]])
    filled = frames.masked_fill(~mask[:, :, None, None, None], content)
    black = frames.masked_fill(~mask[:, :, None, None, None], 0)

    found, expected = encode(backbone, filled, mask), encode(backbone, black)

    assert torch.equal(found.patches, expected.patches)


@pytest.mark.parametrize('count', [4, 12])
def test_frames_that_fill_no_step_are_refused(count, backbone):
    with pytest.raises(ValueError, match=f'step of 8 frames, but got {count} frames; give a multi'):
        encode(backbone, pictures(1, count))


def test_frames_see_each_other_in_windows_of_sixteen_only(backbone):
    frames = pictures(1, 40)

    whole = encode(backbone, frames)
    windows = [encode(backbone, part) for part in frames.split(16, dim=1)]
    steps = [encode(backbone, part) for part in frames.split(8, dim=1)]

    together = torch.cat([window.patches for window in windows], dim=1)
    torch.testing.assert_close(whole.patches, together)
    assert not torch.allclose(whole.patches[:, :1], steps[0].patches)
    assert torch.allclose(whole.patches[:, 4:], steps[4].patches)
    assert (backbone.frames_per_step, backbone.frames_per_window) == (8, 16)


def test_a_clip_does_not_depend_on_its_batch(backbone):
    frames = pictures(3, 16)

    together = encode(backbone, frames).patches

    alone = torch.cat([encode(backbone, clip[None]).patches for clip in frames])
    torch.testing.assert_close(together, alone)


def test_preprocessing_facts(backbone, tiny_s3d):
    assert (backbone.mean, backbone.std) == ((0, 0, 0), (1, 1, 1))
    assert (backbone.image_size, backbone.video_dim, backbone.text_dim) == (64, 128, 24)
    files = {'dictionary': tiny_s3d['dictionary'], 'width': 0.125, 'frozen': False}
    assert S3DBackbone(None, **files).grid == (7, 7)
    assert S3DBackbone(None, **files, image_size=256).grid == (8, 8)


def test_sentence_features_are_the_maximum_over_sixteen_positions(backbone):
    token_ids, mask = backbone.tokenize(SENTENCES)

    text = backbone.encode_text(token_ids, mask)

    assert token_ids.shape == (4, 16)
    assert mask.sum(dim=1).tolist() == [6, 2, 0, 0]
    tower = backbone.text_module
    for row in range(4):
        by_hand = [tower.fc1(tower.word_embd.weight[i]).relu() for i in token_ids[row]]
        torch.testing.assert_close(text.words[row], torch.stack(by_hand))
        torch.testing.assert_close(text.sentence[row], torch.stack(by_hand).amax(dim=0))
    assert torch.equal(text.mask, mask)


def test_sentences_without_a_known_word_have_no_word_and_finite_features(backbone):
    text = backbone.encode_text(*backbone.tokenize(['hello world', '']))

    assert not text.mask.any()
    assert bool(text.sentence.isfinite().all())


def test_only_known_words_beyond_the_last_position_are_cut(backbone):
    sentences = ['crack egg ' * 10, 'crack hello ' * 12, 'crack an egg']

    assert backbone.tokens_cut(sentences) == [4, 0, 0]


def test_frozen_encoder_moves_nothing_and_has_no_gradient(tiny_s3d):
    backbone = S3DBackbone(**tiny_s3d)
    before = statistics(backbone)

    nn.Sequential(backbone).train()
    video = encode(backbone, pictures(2, 16).requires_grad_())

    assert not any(module.training for module in backbone.modules())
    assert not any(parameter.requires_grad for parameter in backbone.parameters())
    assert not video.frames.requires_grad
    assert not backbone.encode_text(*backbone.tokenize(SENTENCES)).words.requires_grad
    assert moved(backbone, before) == []


def test_encoder_that_learns_keeps_the_statistics_of_norms(learner):
    before = statistics(learner)

    learner.train()
    video = encode(learner, pictures(2, 16))
    text = learner.encode_text(*learner.tokenize(SENTENCES))
    (video.patches.sum() + text.sentence.sum()).backward()

    assert learner.training
    assert moved(learner, before) == []
    torch.testing.assert_close(video.patches, encode(learner.eval(), pictures(2, 16)).patches)
    for parameter in (learner.video_module.conv1.conv1.weight, learner.text_module.fc1.weight):
        assert parameter.grad.abs().sum() > 0


def test_statistics_of_norms_follow_the_data_if_they_may(tiny_s3d):
    learner = S3DBackbone(**tiny_s3d, frozen=False, freeze_bn=False)
    before = statistics(learner)

    encode(learner.train(), pictures(2, 16))

    assert len(moved(learner, before)) == len(before) == 2 * 76


def test_word_vectors_learn_only_where_they_are_random(learner, tiny_s3d):
    random = S3DBackbone(**{**tiny_s3d, 'weights': None}, frozen=False)

    assert not learner.text_module.word_embd.weight.requires_grad
    assert random.text_module.word_embd.weight.requires_grad


def test_frozen_encoder_leaves_only_its_fingerprint_in_checkpoints(tiny_s3d):
    model = nn.ModuleDict({'backbone': S3DBackbone(**tiny_s3d), 'head': nn.Linear(2, 2)})

    state = model.state_dict()

    assert set(state) == {'backbone.fingerprint', 'head.weight', 'head.bias'}
    assert bytes(state['backbone.fingerprint'].tolist()).hex() == model['backbone'].fingerprint
    model.load_state_dict(state, strict=True)
    with pytest.raises(RuntimeError, match=r'head\.bias'):
        model.load_state_dict({'head.weight': state['head.weight']}, strict=True)


def test_encoder_that_learns_is_in_checkpoints_and_comes_back(learner, tiny_s3d):
    with torch.no_grad():
        learner.video_module.mixed_5c.gating_b0.fc.bias.add_(1)
    other = S3DBackbone(**tiny_s3d, frozen=False)

    other.load_state_dict(learner.state_dict(), strict=True)

    assert other.fingerprint == learner.fingerprint
    assert other.fingerprint != S3DBackbone(**tiny_s3d).fingerprint


def test_random_weights_must_learn(tiny_s3d):
    with pytest.raises(ValueError, match=r'frozen S3DBackbone would stay random.*frozen=False'):
        S3DBackbone(**{**tiny_s3d, 'weights': None})


@pytest.fixture
def other_settings(backbone, tiny_s3d, tmp_path):
    """Arguments of backbones with the same weights and another reading of sentences, by name."""
    words = list(backbone.dictionary.rows)
    for name, given in {'turned': words[::-1], 'again': [words[0], *words[:-1]]}.items():
        (tmp_path / f'{name}.txt').write_text('\n'.join(given), encoding='utf-8')
    settings = {name: {'dictionary': tmp_path / f'{name}.txt'} for name in ('turned', 'again')}
    settings['fewer'] = {'max_words': 8}
    return {name: {**tiny_s3d, **changed} for name, changed in settings.items()}


@pytest.mark.parametrize('change', ['turned', 'again', 'fewer'])
def test_fingerprint_follows_dictionary_and_positions(change, backbone, other_settings):
    assert S3DBackbone(**other_settings[change]).fingerprint != backbone.fingerprint


def test_fingerprint_knows_on_which_rows_the_words_stand(tiny_s3d, tmp_path):
    found = []
    for words in (['egg', 'pan'], ['egg', 'egg', 'pan']):  # the same words, on rows 1, 2 and 2, 3
        (tmp_path / 'dict.txt').write_text('\n'.join(words), encoding='utf-8')
        given = {**tiny_s3d, 'dictionary': tmp_path / 'dict.txt'}
        found.append(S3DBackbone(**given).fingerprint)

    assert found[0] != found[1]


@pytest.mark.parametrize('frozen', [True, False])
@pytest.mark.parametrize('change', ['turned', 'again', 'fewer'])
def test_checkpoint_fits_no_other_dictionary_and_no_other_positions(
    change, frozen, tiny_s3d, other_settings
):
    state = nn.ModuleDict({'backbone': S3DBackbone(**tiny_s3d, frozen=frozen)}).state_dict()
    other = nn.ModuleDict({'backbone': S3DBackbone(**other_settings[change], frozen=frozen)})

    with pytest.raises(ValueError, match=r'a\.pth was trained on another frozen backbone'):
        load_weights(other, state, source='a.pth')


def test_every_released_tensor_is_where_its_name_says(backbone, released):
    own = dict(backbone.video_module.state_dict())
    own |= backbone.text_module.state_dict(prefix='text_module.')
    heads = {'fc.weight', 'fc.bias', 'text_module.fc2.weight', 'text_module.fc2.bias'}

    assert set(released) == set(own) | heads
    assert all(torch.equal(own[name], released[name]) for name in own)


@pytest.mark.parametrize('kept', ['heads', 'counters', 'neither'])
def test_heads_and_counters_make_no_difference(kept, backbone, released, tiny_s3d, tmp_path):
    def stays(name):
        is_head, is_counter = '.fc2.' in f'.{name}' or name[:3] == 'fc.', 'num_batches' in name
        return (
            not (is_head or is_counter)
            or (is_head and kept == 'heads')
            or (is_counter and kept == 'counters')
        )

    weights = {name: tensor for name, tensor in released.items() if stays(name)}
    weights |= {name: tensor + 5 for name, tensor in weights.items() if 'num_batches' in name}
    save_file(weights, tmp_path / 'a.safetensors')

    other = S3DBackbone(**{**tiny_s3d, 'weights': tmp_path / 'a.safetensors'})

    assert other.fingerprint == backbone.fingerprint


def test_missing_and_left_over_names_are_both_listed(backbone, released, tiny_s3d, tmp_path):
    wrong = dict(released)
    wrong['mixed_9z.weight'] = wrong.pop('mixed_4d.gating_b2.fc.bias')
    wrong['conv_2b.bn1.bias'] = torch.zeros(3)
    save_file(wrong, tmp_path / 'a.safetensors')

    with pytest.raises(
        ValueError,
        match=r"a\.safetensors .*missing \['mixed_4d\.gating_b2\.fc\.bias'\], left over "
        r"\['mixed_9z\.weight'\], of another shape \['conv_2b\.bn1\.bias \(3,\) instead of \(8,\)",
    ):
        S3DBackbone(**{**tiny_s3d, 'weights': tmp_path / 'a.safetensors'})


def drop(weights):
    del weights['gating.fc.bias']


def add(weights):
    weights['gating.fc.scale'] = torch.zeros(1)


def narrow(weights):
    weights['gating.fc.bias'] = torch.zeros(1)  # would be broadcast


@pytest.mark.parametrize('spoil', [drop, add, narrow])
def test_one_fault_is_enough_and_nothing_is_loaded(spoil, released, tiny_s3d):
    backbone = S3DBackbone(**{**tiny_s3d, 'weights': None}, frozen=False)
    before = backbone.fingerprint
    weights = dict(released)
    spoil(weights)

    with pytest.raises(ValueError, match='does not hold the weights of S3D'):
        backbone.load_released(weights, source='a file')

    assert backbone.fingerprint == before


def test_dictionary_with_more_words_than_vectors_is_refused(backbone, tiny_s3d, tmp_path):
    words = [*backbone.dictionary.rows, 'ladle']
    (tmp_path / 'dict.txt').write_text('\n'.join(words), encoding='utf-8')

    message = rf'dict\.txt has {len(words)} words, but .* of {len(words) - 1};'
    with pytest.raises(ValueError, match=message):
        S3DBackbone(**{**tiny_s3d, 'dictionary': tmp_path / 'dict.txt'})
