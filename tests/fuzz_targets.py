"""Readers of files from outside, and sound files to begin from: for Hypothesis and for Atheris.

A reader gives a value or a ``ValueError`` (``FileNotFoundError`` where another file is missing)
that names the file. Anything else is a finding.
"""

import contextlib
import io
import json
import pickle
import struct
import tarfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

SRT = b'1\n00:00:01,000 --> 00:00:02,500\ncrack an egg\n\n2\n00:00:03,000 --> 00:00:04,000\nstir\n'
RESULT = {
    'schema_version': 1, 'heatmaps_file': 'heatmaps.npz', 'heatmaps_sha256': '0' * 64,
    'video': {}, 'model': {}, 'times_sec': [0.0], 'queries': [], 'settings': {},
}  # fmt: skip


@dataclass(frozen=True)
class Target:
    """A reader, the name that its file has, and sound files."""

    read: Callable[[Path], object]
    name: str
    seeds: tuple[bytes, ...]

    def feed(self, content: bytes, folder: Path) -> None:
        """Let the reader read the bytes.

        Raises:
            AssertionError: If it refuses them in words that do not name the file.
        """
        path = folder / self.name
        path.write_bytes(content)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter('ignore')
                self.read(path)
        except (ValueError, FileNotFoundError) as error:
            if folder.name not in str(error):
                raise AssertionError('the error does not name the file') from error


def _pickle(path):
    from stgr.io.restricted_pickle import read_pickle

    read_pickle(path, arrays=True)


def _header(path):
    from stgr.io.safetensors_header import read_header

    read_header(path)


def _shard(path):
    from stgr.io.feature_shards import FeatureShard, read_table

    shard = FeatureShard(path)
    for video_id in read_table(path).rows:
        shard.open(video_id).read()


def _index(path):
    from stgr.io.feature_index import FeatureIndex

    index = FeatureIndex(path.parent)
    list(index.items())
    index.find('v0')


def _captions(path):
    from stgr.io.captions import read_captions

    read_captions(path)


def _caption_folder(path):
    from stgr.io.captions import read_captions

    read_captions(path.parent)


def _subtitles(path):
    from stgr.io.srt import parse_srt

    parse_srt(path.read_bytes(), where=str(path))


def _subtitle_archive(path):
    from stgr.io.srt import read_srt_files

    read_srt_files(path)


def _result(path):
    from stgr.io.results import load_result

    load_result(path)


def _predictions(path):
    from stgr.io.predictions import read_predictions

    read_predictions(path)


def _answers(path):
    from stgr.annotation.answers import read_history
    from stgr.annotation.work import Step, WorkVideo

    folder = path.parents[2]
    video = WorkVideo('v', 'v.mp4', (64, 48), 10.0, (Step('crack egg', 1, 2, True),))
    read_history(folder, path.parent.name, video)


def _safetensors():
    from stgr.io.safetensors_header import header_bytes

    return header_bytes({'a': 'b'}, {'x': ('<f2', (2, 3))}) + bytes(12)


def _npz(**arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def _tar():
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode='w:gz') as archive:
        member = tarfile.TarInfo('a/v.srt')
        member.size = len(SRT)
        archive.addfile(member, io.BytesIO(SRT))
    return buffer.getvalue()


def _stored():
    """Return a shard and the index of its folder."""
    import tempfile

    from feature_videos import FACTS, put

    from stgr.io.store_writer import StoreWriter

    with tempfile.TemporaryDirectory() as root:
        with StoreWriter(root, FACTS) as writer:
            put(writer, 0)
        shards = Path(root) / 'shards'
        from stgr.io.feature_index import INDEX

        (shard,) = shards.glob('[!.]*.safetensors')
        return shard.read_bytes(), (shards / INDEX).read_bytes()


def targets() -> dict[str, Target]:
    """Return every reader by name."""
    from stgr.io.feature_index import INDEX

    data = {'a': [1, 2.5, ('b', None)], 'array': np.arange(6.0).reshape(2, 3)}
    pickles = tuple(pickle.dumps(data, protocol) for protocol in (0, 2, 4))
    shard, index = _stored()
    nameless = shard.replace(b'"times_sec"', b'"times_src"')  # found by Atheris: KeyError
    captions = json.dumps({'v': {'start': [0, 1], 'end': [1, 2], 'text': ['a', 'é']}}).encode()
    line = json.dumps({'video': 'v', 'second': 0, 'label': 'a'}).encode() + b'\n'
    answer = {'step': 0, 'name': 'crack egg', 'second': 1, 'status': 'point', 'x': 1.0, 'y': 2.0}
    clicks = json.dumps({'format': 'stgr-clicks/1', 'answers': [answer]}).encode()
    deep = b'[' * 100_000
    return {
        'pickle': Target(_pickle, 'x.pkl', pickles),
        'header': Target(_header, 'x.safetensors', (_safetensors(), _long(deep))),
        'shard': Target(_shard, 'x.safetensors', (shard, nameless, _safetensors())),
        'index': Target(_index, INDEX, (index, _safetensors(), _long(deep))),
        'captions': Target(_captions, 'x.json', (captions, deep)),
        'caption_folder': Target(_caption_folder, 'v.csv', (b'start,end,text\n0,1,a\n2,3,"b\n',)),
        'subtitles': Target(_subtitles, 'x.srt', (SRT,)),
        'subtitle_archive': Target(_subtitle_archive, 'x.tar', (_tar(),)),
        'result': Target(_result, 'result.json', (json.dumps(RESULT).encode(), deep)),
        'predictions': Target(_predictions, 'x.jsonl', (line, deep)),
        'prediction_arrays': Target(_predictions, 'x.npz', (_npz(labels=np.array(['a'])),)),
        'answers': Target(_answers, 'v.json', (clicks, deep)),
    }


def _long(text: bytes) -> bytes:
    return struct.pack('<Q', len(text)) + text


def place(folder: Path, name: str) -> Path:
    """Return the folder that the file of a target belongs into, below ``folder``."""
    place = folder / 'clicks' / 'ann' if name == 'answers' else folder / name
    with contextlib.suppress(FileExistsError):
        place.mkdir(parents=True)
    return place
