"""The registered video readers; each imports its decoder when it first decodes."""

from stgr.io.readers.decord_reader import DecordReader
from stgr.io.readers.isolated_reader import IsolatedReader
from stgr.io.readers.pyav_reader import PyAVReader
from stgr.io.readers.torchcodec_reader import TorchCodecCudaReader, TorchCodecReader

__all__ = [
    'DecordReader',
    'IsolatedReader',
    'PyAVReader',
    'TorchCodecCudaReader',
    'TorchCodecReader',
]
