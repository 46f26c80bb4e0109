"""A clip hears what is heard while its candidates are shown."""

import warnings

import numpy as np
import pytest
import torch

from stgr.datasets import HowTo100M
from stgr.datasets.transforms import LoadAudio, LoadVideoFrames, PackClip, SampleClip
from stgr.io import VideoWriter, read_audio
from stgr.ops.log_mel import FLOOR_DB, log_mel

RATE = 16_000


@pytest.fixture(scope='module')
def video(tmp_path_factory):
    """Four seconds: a low tone, then from 2 s on a high one."""
    path = tmp_path_factory.mktemp('heard') / 'videos' / 'heard.mp4'
    path.parent.mkdir()
    time = np.arange(4 * RATE) / RATE
    sound = 0.5 * np.sin(2 * np.pi * np.where(time < 2, 300, 3000) * time)
    for name, audio in (('heard', (sound, RATE)), ('mute', None)):
        with VideoWriter(path.with_name(f'{name}.mp4'), 10, (32, 32), audio=audio) as writer:
            for _ in range(40):
                writer.write(np.zeros((32, 32, 3), np.uint8))
    return path


def clip_of(path, times_sec, mask=None):
    clip = {'video_id': path.stem, 'video_path': str(path)}
    clip['frame_times_sec'] = np.array(times_sec, dtype=float)
    return clip if mask is None else {**clip, 'frame_mask': np.array(mask)}


def low_then_high(audio):
    """First frame in which the high tone is louder."""
    low, high = audio[:10].max(axis=0), audio[20:].max(axis=0)
    return int(np.argmax(high > low))


@pytest.mark.parametrize('cached', [False, True])
@pytest.mark.parametrize(
    ('times_sec', 'mask', 'real_frames', 'change_at', 'reason'),
    [
        ([1, 1.5, 2, 2.5], None, 200, 100, 'from the first candidate to the end of the last'),
        ([1.5, 2, 2.5], None, 150, 50, 'shorter than the spectrogram: filled up'),
        ([0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5], None, 200, 100, 'longer: its middle'),
        ([0, 0.25, 1.25, 2.25], [False, True, True, True], 200, 125, 'masked ones are unheard'),
    ],
)
def test_sound_is_that_of_the_real_candidates(
    video, tmp_path, times_sec, mask, real_frames, change_at, reason, cached
):
    folder = str(tmp_path) if cached else None

    clip = LoadAudio(200, cache_dir=folder)(clip_of(video, times_sec, mask))

    assert (clip['audio'].shape, clip['audio'].dtype) == ((40, 200), np.float32)
    assert clip['audio_mask'].tolist() == [k < real_frames for k in range(200)], reason
    assert low_then_high(clip['audio']) == pytest.approx(change_at, abs=2), reason
    assert (clip['audio'][:, real_frames:] == FLOOR_DB).all()
    begin_sec = 2 - change_at / 100
    np.testing.assert_allclose(clip['heard_at_sec'], np.array(times_sec) - begin_sec, atol=0.006)


def test_the_end_of_the_video_is_the_end_of_the_sound(video):
    clip = LoadAudio(300)(clip_of(video, [3, 4, 4], [True, False, False]))

    assert clip['audio_mask'][:100].all()
    assert not clip['audio_mask'][110:].any()  # the last block of AAC may reach beyond


def test_a_whole_video_is_heard_at_its_length(video):
    clip = LoadAudio(None)(clip_of(video, [0, 1, 2, 3]))

    assert clip['audio'].shape == (40, 400)
    assert clip['heard_at_sec'].tolist() == [0, 1, 2, 3]


def test_levels_are_those_of_the_samples(video):
    clip = LoadAudio(100)(clip_of(video, [0.5, 1.0]))

    expected = log_mel(torch.from_numpy(read_audio(video, 0.5, 1.5)[0]))
    np.testing.assert_allclose(clip['audio'], expected.numpy(), atol=1e-4)


def test_a_clip_without_sound_is_masked_with_one_counted_warning_per_video(video, tmp_path):
    mute = video.with_name('mute.mp4')
    other = tmp_path / 'other.mp4'
    other.write_bytes(mute.read_bytes())
    load = LoadAudio(100)

    with pytest.warns(UserWarning, match=r'mute\.mp4: no sound.*1 such videos'):
        clip = load(clip_of(mute, [0, 1]))
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        load(clip_of(mute, [2, 3]))
    with pytest.warns(UserWarning, match=r'other\.mp4: no sound.*2 such videos'):
        load(clip_of(other, [0, 1]))
    assert not clip['audio_mask'].any()
    assert (clip['audio'] == FLOOR_DB).all()


def test_a_data_set_without_videos_says_what_to_do():
    clip = {'video_id': 'v', 'video_path': None, 'frame_times_sec': np.zeros(1)}

    with pytest.raises(ValueError, match='LoadAudio needs the video files'):
        LoadAudio()(clip)
    with pytest.raises(ValueError, match='frames >= 1, but got 0'):
        LoadAudio(0)


def test_a_caption_brings_its_sound_to_the_model(video, write_json):
    captions = write_json('captions.json', {'heard': {'start': [1.5], 'end': [2.5], 'text': ['a']}})
    pipeline = [SampleClip(4, fps=2), LoadVideoFrames(size=(8, 8)), LoadAudio(200), PackClip()]

    item = HowTo100M(str(video.parent.parent), str(captions), pipeline=pipeline)[0]

    inputs = item['inputs']
    assert set(inputs) == {'frames', 'audio', 'audio_mask', 'heard_at_sec'}
    assert (inputs['audio'].shape, inputs['audio'].dtype) == ((40, 200), torch.float32)
    assert inputs['audio_mask'].all()
    # Two seconds around 2 s: the first candidate is heard first.
    assert inputs['heard_at_sec'].tolist() == [0, 0.5, 1, 1.5]
    assert low_then_high(inputs['audio'].numpy()) == pytest.approx(100, abs=2)
