"""The torchcodec readers: for those who have it installed anyway, and for decoding on a GPU."""

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np

from stgr.io.errors import VideoError, missing_package
from stgr.io.video_reader import VideoReader
from stgr.registry import VIDEO_READERS


@VIDEO_READERS.register_module('torchcodec')
class TorchCodecReader(VideoReader):
    """Reads with torchcodec in one thread and exact seek mode.

    It needs system FFmpeg libraries and imports torch; it stops at damage (the default reader
    goes on). Its frame numbers follow presentation order, as those of the timeline do.
    """

    name = 'torchcodec'
    device: ClassVar[str] = 'cpu'
    """Where torchcodec decodes; the pictures come back to main memory."""

    def _decode(self, frame_idx: np.ndarray) -> Iterator[np.ndarray]:
        decoder_class = _import_decoder()
        self._check_device()
        try:
            decoder = decoder_class(
                self.path,
                dimension_order='NHWC',
                num_ffmpeg_threads=1,
                device=self.device,
                seek_mode='exact',
            )
            self._check_count(decoder.metadata.num_frames)
            for position in frame_idx.tolist():
                yield decoder.get_frame_at(position).data.cpu().numpy()
        except (RuntimeError, IndexError) as error:
            cause = str(error).strip().splitlines()[-1]
            raise VideoError(
                f"{self.path}: torchcodec cannot read it ({cause}); use reader='pyav', which "
                'reads damaged files up to the damage'
            ) from error

    def _check_device(self) -> None:
        """Raise ImportError unless the device is there."""

    def _check_count(self, num_frames: int | None) -> None:
        if num_frames != len(self.timeline.pts):
            raise VideoError(
                f'{self.path}: torchcodec counts {num_frames} frames, the packets '
                f"{len(self.timeline.pts)}; use reader='pyav'"
            )


@VIDEO_READERS.register_module('torchcodec_cuda')
class TorchCodecCudaReader(TorchCodecReader):
    """Reads as ``TorchCodecReader`` does, on the video decoder of an NVIDIA GPU.

    It needs torch and torchcodec for CUDA. Its colours may differ by rounding from those of the
    readers on the CPU; torchcodec decodes what the GPU's decoder does not know on the CPU.
    Processes that read must not be forked from one that uses the GPU: take workers that are
    spawned (``multiprocessing_context='spawn'`` of the data loader) or none.
    """

    name = 'torchcodec_cuda'
    device = 'cuda'

    def _check_device(self) -> None:
        import torch

        if not torch.cuda.is_available():
            raise ImportError(
                f"reader='{self.name}' decodes on an NVIDIA GPU, and torch {torch.__version__} "
                "sees none; install torch and torchcodec for CUDA, or use reader='pyav'"
            )


def _import_decoder() -> Any:
    """Return torchcodec's decoder class.

    Raises:
        ImportError: If it is missing, or its FFmpeg libraries are.
    """
    try:
        from torchcodec.decoders import VideoDecoder
    except ModuleNotFoundError as error:
        raise missing_package('torchcodec', purpose="reader='torchcodec'") from error
    except (RuntimeError, OSError) as error:
        raise ImportError(
            "reader='torchcodec' needs the shared libraries of FFmpeg 4 to 8 beside it; install "
            "ffmpeg with your system's package manager, or use reader='pyav'"
        ) from error
    return VideoDecoder
