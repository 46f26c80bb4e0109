"""Packed clips become normalised batches."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from stgr.models.data_preprocessors import ClipPreprocessor
from stgr.structures.grounding_sample import GroundingSample

MEAN, STD = (0.5, 0.25, 0.0), (0.5, 0.25, 2.0)


def tokenize(sentences):
    """A token per letter."""
    longest = max(map(len, sentences))
    ids = torch.tensor([[*map(ord, text), *[0] * (longest - len(text))] for text in sentences])
    return ids, ids > 0


@pytest.fixture
def preprocessor():
    return ClipPreprocessor(4, MEAN, STD, tokenize)


def sample(narration=None, real=(True, True)):
    said = {} if narration is None else {'narration': narration}
    return GroundingSample(video_id='v', frame_mask=torch.tensor(real), **said)


def test_pixels_are_scaled_shifted_and_divided_per_channel(preprocessor):
    frames = torch.tensor([255, 0, 51], dtype=torch.uint8)[:, None, None].expand(2, 3, 4, 4)

    normalised = preprocessor.normalise(frames)

    assert normalised.shape == (2, 3, 4, 4)
    # White less a half is half of white, twice that is 1; a fifth of white over 2 is a tenth.
    torch.testing.assert_close(normalised[1, :, 2, 3], torch.tensor([1.0, -1.0, 0.1]))


@pytest.mark.parametrize('dtype', [torch.uint8, torch.float16, torch.float32, torch.float64])
@pytest.mark.parametrize('side', [4, 6])
def test_pictures_of_the_caller_stay_as_they_are(preprocessor, dtype, side):
    frames = torch.randint(0, 256, (2, 3, side, side)).to(dtype)
    before = frames.clone()

    normalised = preprocessor.normalise(frames)

    assert normalised.dtype == torch.float32
    assert torch.equal(frames, before)


class MadeTensors(TorchDispatchMode):
    """The places in memory of the float tensors made of a size."""

    def __init__(self, numel):
        super().__init__()
        self.numel, self.made = numel, []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        if isinstance(out, torch.Tensor) and out.is_floating_point() and out.numel() == self.numel:
            self.made.append(out)  # kept, so that no place is used twice
        return out


def test_pictures_are_normalised_where_they_lie(preprocessor):
    frames = torch.randint(0, 256, (5, 3, 4, 4), dtype=torch.uint8)

    with MadeTensors(frames.numel()) as tensors:
        preprocessor.normalise(frames)

    assert len({made.untyped_storage().data_ptr() for made in tensors.made}) == 1


def test_frames_of_any_shape_are_squashed_whole(preprocessor):
    frames = torch.zeros(1, 2, 3, 8, 16, dtype=torch.uint8)
    frames[..., 8:] = 255

    first = preprocessor.normalise(frames)[0, 0, 2] * 2  # red 0 to 1 over the width

    assert first.shape == (4, 4)
    assert first[0, 0] < 0.01 < 0.99 < first[3, 3]


def test_shrinking_averages_instead_of_skipping_pixels(preprocessor):
    stripes = torch.zeros(1, 3, 32, 32, dtype=torch.uint8)
    for column in (3, 4):  # where plain bilinear sampling would look, two of eight columns
        stripes[..., column::8] = 255

    shrunk = preprocessor.normalise(stripes)[0, 2] * 2

    torch.testing.assert_close(shrunk, torch.full((4, 4), 0.25), atol=0.05, rtol=0)


def test_batch_of_frames_is_stacked_with_masks_and_tokens(preprocessor):
    clips = torch.randint(0, 256, (2, 2, 3, 4, 4), dtype=torch.uint8)
    samples = [sample('egg'), sample('an egg', real=(True, False))]

    batch = preprocessor({'inputs': {'frames': list(clips)}, 'data_samples': samples})

    inputs = batch['inputs']
    torch.testing.assert_close(inputs['frames'][1], preprocessor.normalise(clips[1]))
    assert inputs['frame_mask'].tolist() == [[True, True], [True, False]]
    assert inputs['token_mask'].sum(dim=1).tolist() == [3, 6]
    assert [s.narration for s in batch['data_samples']] == ['egg', 'an egg']


def test_stored_features_become_float32_and_need_no_narration(preprocessor):
    features = {
        'frame_features': [torch.ones(2, 5, dtype=torch.float16)],
        'patch_features': [torch.ones(2, 16, 5, dtype=torch.float16)],
    }

    inputs = preprocessor({'inputs': features, 'data_samples': [sample()]})['inputs']

    assert set(inputs) == {'frame_features', 'patch_features', 'frame_mask'}
    assert inputs['frame_features'].dtype == inputs['patch_features'].dtype == torch.float32


def test_stored_features_are_stacked_within_autocast_to_bfloat16(preprocessor):
    features = {'frame_features': [torch.full((2, 5), 0.1, dtype=torch.float16)] * 2}

    with torch.autocast('cpu', torch.bfloat16):  # where MMEngine's train_step calls it
        batch = preprocessor({'inputs': features, 'data_samples': [sample(), sample()]})

    stacked = batch['inputs']['frame_features']
    assert stacked.dtype == torch.float32
    assert stacked.shape == (2, 2, 5)
    assert stacked.eq(torch.tensor(0.1).half().float()).all()  # bfloat16 would have rounded it


def test_statistics_are_not_saved_with_the_model(preprocessor):
    assert preprocessor.state_dict() == {}


def test_shorter_sound_is_filled_up_with_masked_silence(preprocessor):
    sounds = {
        'frame_features': [torch.ones(2, 5)] * 2,
        'audio': [torch.full((40, 3), -7.0), torch.full((40, 5), -9.0)],
        'audio_mask': [torch.ones(3).bool(), torch.tensor([True, True, True, True, False])],
        'heard_at_sec': [torch.tensor([0.0, 1.0]), torch.tensor([0.5, 1.5])],
    }

    inputs = preprocessor({'inputs': sounds, 'data_samples': [sample(), sample()]})['inputs']

    assert inputs['audio'][:, 8].tolist() == [[-7, -7, -7, -80, -80], [-9] * 5]
    assert inputs['audio_mask'].sum(dim=1).tolist() == [3, 4]
    assert inputs['heard_at_sec'].tolist() == [[0, 1], [0.5, 1.5]]
