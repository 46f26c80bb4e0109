import av
import numpy as np
import pytest

from stgr.datasets import HowTo100M
from stgr.datasets.transforms import LoadVideoFrames, PackClip, SampleClip


@pytest.fixture
def video(tmp_path):
    """Two seconds at 10 frames per second; frame k is a flat grey of 10 k."""
    (tmp_path / 'videos').mkdir()
    path = tmp_path / 'videos' / 'grey.mp4'
    with av.open(str(path), 'w') as file:
        stream = file.add_stream('libx264', rate=10, options={'crf': '1'})
        stream.width, stream.height, stream.pix_fmt = 64, 32, 'yuv420p'
        for k in range(20):
            pixels = np.full((32, 64, 3), 10 * k, np.uint8)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(pixels)))
        file.mux(stream.encode())
    return path


def test_the_frames_shown_at_the_candidate_times_are_read(video):
    clip = {'video_path': str(video), 'frame_times_sec': np.array([0.0, 0.55, 1.2, 2.0])}

    frames = LoadVideoFrames(size=(8, 4))(clip)['frames']

    assert (frames.shape, frames.dtype) == ((4, 4, 8, 3), np.uint8)
    np.testing.assert_allclose(frames.mean(axis=(1, 2, 3)), [0, 50, 120, 190], atol=3)


def test_a_data_set_without_videos_says_what_to_do():
    with pytest.raises(ValueError, match='use LoadFeatures'):
        LoadVideoFrames()({'video_path': None, 'frame_times_sec': np.zeros(1)})


def test_a_caption_becomes_inputs_and_sample(video, write_json):
    root = video.parent.parent
    write_json('captions.json', {'grey': {'start': [0.4], 'end': [1.0], 'text': ['grey']}})

    pipeline = [SampleClip(4, fps=2), LoadVideoFrames(size=(8, 8)), PackClip()]
    item = HowTo100M(str(root), 'captions.json', pipeline=pipeline)[0]

    # The middle is 0.7 s and the window 2 s long: -0.3, 0.2, 0.7, 1.2 s.
    assert item['data_samples'].frame_mask.tolist() == [False, True, True, True]
    assert item['data_samples'].duration_sec == pytest.approx(2.0)
    levels = item['inputs']['frames'].float().mean(dim=(1, 2, 3))
    np.testing.assert_allclose(levels, [0, 20, 70, 120], atol=3)


def test_a_damaged_video_is_an_error_that_names_it_in_evaluation(tmp_path, write_json):
    (tmp_path / 'videos').mkdir()
    (tmp_path / 'videos' / 'junk.mp4').write_bytes(b'no video')
    write_json('captions.json', {'junk': {'start': [0], 'end': [1], 'text': ['x']}})

    data = HowTo100M(str(tmp_path), 'captions.json', pipeline=[SampleClip()], test_mode=True)

    with pytest.raises(ValueError, match=r'junk\.mp4'):
        data[0]
