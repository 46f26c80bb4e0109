"""Decoding on a GPU is asked of torchcodec, and refused in words where there is no GPU."""

from typing import ClassVar

import numpy as np
import pytest
import torch

from stgr.io import open_video
from stgr.io.readers import torchcodec_reader

PICTURE = torch.arange(64 * 128 * 3, dtype=torch.int64).remainder(256).to(torch.uint8)


class OnDevice:
    """A picture that must be fetched before numpy can have it."""

    def cpu(self) -> torch.Tensor:
        return PICTURE.reshape(64, 128, 3)


class RecordingDecoder:
    """Stands in for torchcodec's decoder of the 60 frames of a test video."""

    made: ClassVar[dict] = {}

    def __init__(self, path, **options):
        RecordingDecoder.made = options
        self.metadata = type('Metadata', (), {'num_frames': 60})

    def get_frame_at(self, position):
        return type('Frame', (), {'data': OnDevice()})


@pytest.mark.parametrize(('reader', 'device'), [('torchcodec', 'cpu'), ('torchcodec_cuda', 'cuda')])
def test_the_reader_decodes_where_its_name_says(reader, device, clips, monkeypatch):
    monkeypatch.setattr(torchcodec_reader, '_import_decoder', lambda: RecordingDecoder)
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)

    with open_video(clips['constant'].path, reader) as video:
        frame = video.read_at(np.array([0.5]))[0]

    assert RecordingDecoder.made['device'] == device
    np.testing.assert_array_equal(frame, PICTURE.reshape(64, 128, 3).numpy())


def test_without_a_gpu_the_gpu_reader_says_what_to_do(clips, monkeypatch):
    monkeypatch.setattr(torchcodec_reader, '_import_decoder', lambda: RecordingDecoder)
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)

    with (
        open_video(clips['constant'].path, 'torchcodec_cuda') as video,
        pytest.raises(ImportError, match=r"sees none.*or use reader='pyav'"),
    ):
        video.read_at(np.array([0.5]))
