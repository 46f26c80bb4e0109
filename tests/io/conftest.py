"""Test videos made with PyAV: every frame carries its number, so that tests know it on sight."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from stgr.io import VideoWriter

WIDTH, HEIGHT = 128, 64
BITS, BIT_WIDTH = 11, 8  # a row of black and white squares from the left, lowest bit first


@dataclass(frozen=True)
class Clip:
    """A test video and what is true of it: frame k shows number k from ``times_sec[k]`` on."""

    path: Path
    times_sec: np.ndarray
    end_sec: float
    turned: bool = False

    @property
    def size(self) -> tuple[int, int]:
        return (HEIGHT, WIDTH) if self.turned else (WIDTH, HEIGHT)

    def number_shown_at(self, time_sec: float) -> int:
        """The rule, as a loop: the last frame that has begun, else the first."""
        number = 0
        for k, begins_sec in enumerate(self.times_sec):
            if begins_sec <= time_sec:
                number = k
        return number


def numbered_frame(number: int) -> np.ndarray:
    """A picture (H, W, 3) with its number on top and a texture that moves below."""
    frame = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    columns = (np.arange(WIDTH) * 5 + number * 7) % 256
    frame[:] = np.stack([columns, columns[::-1], np.full(WIDTH, 90)], axis=-1)
    for bit in range(BITS):
        frame[:16, bit * BIT_WIDTH : (bit + 1) * BIT_WIDTH] = 255 * (number >> bit & 1)
    return frame


@pytest.fixture(scope='session')
def read_numbers() -> Callable[[np.ndarray], list[int]]:
    """Reads the numbers off frames (N, H, W, 3), also if they lie on their side."""

    def read(frames: np.ndarray) -> list[int]:
        if frames.shape[1] > frames.shape[2]:
            frames = np.rot90(frames, -1, axes=(1, 2))
        row = frames[:, 8, BIT_WIDTH // 2 : BITS * BIT_WIDTH : BIT_WIDTH, 1] > 128  # (N, BITS)
        return (row @ (1 << np.arange(BITS))).tolist()

    return read


@pytest.fixture(scope='session')
def make_frame() -> Callable[[int], np.ndarray]:
    return numbered_frame


def write_clip(
    path: Path,
    codec: str = 'libx264',
    *,
    ticks: Sequence[int] = range(0, 60 * 40, 40),
    last: int = 40,
    rotation: int = 0,
    **options: str,
) -> Clip:
    """Encode one numbered frame per tick (milliseconds)."""
    with av.open(path, 'w', container_options={'movflags': '+faststart'}) as output:
        stream = output.add_stream(codec, rate=25, options={'threads': '1', **options})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, 'yuv420p'
        stream.codec_context.time_base = Fraction(1, 1000)
        if rotation:
            stream.set_display_rotation(rotation)
        gaps = [*np.diff(ticks).tolist(), last]
        for number, (tick, gap) in enumerate(zip(ticks, gaps, strict=True)):
            frame = av.VideoFrame.from_ndarray(numbered_frame(number), format='rgb24')
            frame.pts, frame.time_base, frame.duration = tick, Fraction(1, 1000), gap
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    times_sec = np.array(ticks) / 1000
    return Clip(path, times_sec, float(times_sec[-1] + last / 1000), bool(rotation % 180))


@pytest.fixture(scope='session')
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Clip]:
    """Healthy videos by what is special about them."""
    folder = tmp_path_factory.mktemp('clips')
    uneven = np.cumsum([0, 40, 40, 200, 20, 20, 20, 500, 33, 34, *[50] * 30, 1000, 40]).tolist()
    quiet = {'x265-params': 'log-level=none:keyint=20:min-keyint=20:open-gop=1:bframes=3'}
    realtime = {'deadline': 'realtime', 'cpu-used': '8'}
    open_groups = {'x264-params': 'open-gop=1:keyint=20:scenecut=0'}
    return {
        'constant': write_clip(folder / 'constant.mp4', g='20'),
        'variable': write_clip(folder / 'variable.mp4', ticks=uneven),
        'rotated': write_clip(folder / 'rotated.mp4', rotation=90),
        'late': write_clip(folder / 'late.mp4', ticks=range(3000, 5400, 40)),
        'late_mkv': write_clip(folder / 'late.mkv', ticks=range(3000, 5400, 40)),
        'vp9': write_clip(folder / 'vp9.webm', 'libvpx-vp9', **realtime),
        'hevc': write_clip(folder / 'hevc.mp4', 'libx265', preset='ultrafast', **quiet),
        'open_groups': write_clip(folder / 'open_groups.mp4', **open_groups),
        'one_frame': write_clip(folder / 'one_frame.mp4', ticks=[0]),
    }


@pytest.fixture(scope='session')
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """1,500 frames in groups of 50, two of three unreferenced: long enough to be worth a seek."""
    path = tmp_path_factory.mktemp('long') / 'long.mp4'
    pattern = {'g': '50', 'bf': '2', 'x264-params': 'b-pyramid=none'}
    return write_clip(path, ticks=range(0, 1500 * 40, 40), preset='ultrafast', **pattern)


@pytest.fixture(scope='session')
def sound_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of pictures with a 440 Hz tone in AAC."""
    path = tmp_path_factory.mktemp('sound') / 'sound.mp4'
    tone = 0.5 * np.sin(np.arange(32_000) / 16_000 * 2 * np.pi * 440)
    with VideoWriter(path, 25, (WIDTH, HEIGHT), audio=(tone, 16_000)) as writer:
        for number in range(50):
            writer.write(numbered_frame(number))
    return path


@pytest.fixture(scope='session')
def opus_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of Opus sound and no pictures."""
    path = tmp_path_factory.mktemp('opus') / 'tone.ogg'
    tone = 0.5 * np.sin(np.arange(96_000) / 48_000 * 2 * np.pi * 440)
    with av.open(path, 'w') as output:
        stream = output.add_stream('libopus', rate=48_000, layout='mono')
        for start in range(0, 96_000, 960):
            block = tone[None, start : start + 960].astype(np.float32)
            frame = av.AudioFrame.from_ndarray(block, format='flt', layout='mono')
            frame.rate, frame.pts = 48_000, start
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


@pytest.fixture(scope='session')
def damaged(clips: dict[str, Clip], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Files that can be read in part: cut off, or with one packet overwritten."""
    folder = tmp_path_factory.mktemp('damaged')
    whole = clips['constant'].path.read_bytes()
    paths = {'cut_off': folder / 'cut_off.mp4'}
    paths['cut_off'].write_bytes(whole[: len(whole) * 6 // 10])
    for name in ('constant', 'vp9'):
        paths[f'bitten_{name}'] = folder / f'bitten_{clips[name].path.name}'
        paths[f'bitten_{name}'].write_bytes(bite(clips[name].path, packet_at=45))
    return paths


def bite(path: Path, *, packet_at: int) -> bytes:
    """The bytes of a file with the start of one video packet overwritten."""
    with av.open(path) as container:
        packet = [packet for packet in container.demux(video=0) if packet.size][packet_at]
        payload = bytes(packet)
    content = path.read_bytes()
    assert content.count(payload) == 1
    return content.replace(payload, (b'\xff' * 64)[: len(payload)] + payload[64:])
