"""A small video with sound, and a result that could be about it."""

from fractions import Fraction

import numpy as np
import pytest

from stgr.structures import (
    GroundingResult,
    HeatMaps,
    ModelFacts,
    QueryResult,
    Span,
    Tube,
    VideoFacts,
)

WIDTH, HEIGHT, FPS, SECONDS = 64, 48, 10, 3


def make_video(path, *, gray_of_frame, fps=FPS, sound=True):
    """Write an MP4 whose frame ``i`` is evenly ``gray_of_frame[i]``, with a beep if asked."""
    import av

    with av.open(str(path), 'w') as container:
        video = container.add_stream('libx264', rate=fps, options={'crf': '10', 'bf': '0'})
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, 'yuv420p'
        audio = container.add_stream('aac', rate=8000, layout='mono') if sound else None
        for gray in gray_of_frame:
            picture = np.full((HEIGHT, WIDTH, 3), gray, dtype=np.uint8)
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture, format='rgb24')))
        container.mux(video.encode())
        if audio:
            clock = np.arange(8000 * len(gray_of_frame) // fps)
            wave = (np.sin(clock * 0.3)[None] * 0.3).astype(np.float32)
            frame = av.AudioFrame.from_ndarray(wave, format='fltp', layout='mono')
            frame.sample_rate, frame.pts, frame.time_base = 8000, 0, Fraction(1, 8000)
            container.mux(audio.encode(frame))
            container.mux(audio.encode())
    return path


@pytest.fixture(scope='session')
def video_path(tmp_path_factory):
    """Three seconds at 10 fps whose gray tells the frame: 40, 46, ... ."""
    grays = [40 + 6 * i for i in range(FPS * SECONDS)]
    return make_video(tmp_path_factory.mktemp('video') / 'kitchen.mp4', gray_of_frame=grays)


def make_query(name, times, span, scores, *, box, cell):
    inside = times[(times >= span[0]) & (times < span[1])]
    maps = np.full((len(inside), 3, 4), 0.01, dtype=np.float32)
    maps[:, cell[0], cell[1]] = 1.0
    tube_span = Span(*span, score=0.7)
    return QueryResult(
        name,
        True,
        float(scores.max()),
        scores,
        (tube_span,),
        (
            Tube(
                tube_span,
                inside,
                np.tile(np.array(box, dtype=np.float32), (len(inside), 1)),
                np.zeros((len(inside), 2), dtype=np.float32),
                np.ones(len(inside), dtype=bool),
            ),
        ),
        HeatMaps(inside, maps, 'max'),
    )


def build_result(video_path, *, notice='knows only TinyKitchen'):
    times = np.arange(SECONDS * 2) / 2
    scores = np.array([0.1, 0.2, 0.7, 0.8, 0.3, 0.2], dtype=np.float32)
    found = make_query('crack egg', times, (1.0, 2.0), scores, box=(32, 16, 56, 40), cell=(1, 2))
    missed = QueryResult('fly a kite', False, 0.2, np.full(6, 0.2, dtype=np.float32))
    return GroundingResult(
        video=VideoFacts(str(video_path), WIDTH, HEIGHT, float(SECONDS), FPS, True, 'pyav'),
        model=ModelFacts('ours_tiny', None, notice),
        times_sec=times,
        queries=(found, missed),
        settings={'threshold': 0.5, 'fps': 2},
    )


@pytest.fixture
def result(video_path):
    """An egg cracked in [1, 2) of 3 seconds, and a kite that never flies."""
    return build_result(video_path)


@pytest.fixture
def rename():
    """A function that returns a result whose queries have other texts."""
    from dataclasses import replace

    def with_names(result, *names):
        queries = tuple(
            replace(query, query=name) for query, name in zip(result.queries, names, strict=True)
        )
        return replace(result, queries=queries)

    return with_names
