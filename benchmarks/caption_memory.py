"""Peak memory and time of getting ready to serve the clips of a large caption file.

The file is made here. Each way runs in a fresh process: the captions as a dictionary and their
texts as a list (as the first version did), as columns in memory, converted to a store, and mapped
from it, which is what every later run and every worker does. All see the same clips. ``peak_mib``
is what the kernel saw resident at most, the touched pages of mapped files included, which it may
take back; ``own_mib`` is what the process holds at the end besides these. Linux only.

    python benchmarks/caption_memory.py --videos 200000 --captions 10
"""

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from _recording import RESULTS, Row, environment, record

WAYS = ('dictionary', 'columns', 'convert', 'store', 'store_permuted')
SENTENCE = 'crack an egg into the bowl and whisk it with the milk slowly then add some salt'
CLIPS_READ = 1000


def main() -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--videos', type=int, default=50_000)
    parser.add_argument('--captions', type=int, default=10, help='of each video')
    parser.add_argument('--out', type=Path, default=RESULTS / 'caption_memory.csv')
    parser.add_argument('--way', choices=(*WAYS, 'nothing'), help=argparse.SUPPRESS)
    parser.add_argument('--file', type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.way:
        print(json.dumps(measure(arguments.way, arguments.file)))
        return
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / 'caption.json'
        write_captions(source, arguments.videos, arguments.captions)
        idle = run('nothing', source)  # Python, numpy and the imports
        found = {way: run(way, source) for way in WAYS}
        file_mib = source.stat().st_size / 2**20
    same = {way: facts.pop('clips') for way, facts in found.items() if way != 'convert'}
    del same['store_permuted']
    if len(set(same.values())) > 1:
        raise RuntimeError(f'the clips differ: {same}')
    found['convert'].pop('clips')
    before = found['dictionary']
    rows: list[Row] = [
        {
            'way': way,
            'seconds': round(facts['seconds'], 2),
            'peak_mib': round(facts['peak_mib'] - idle['peak_mib']),
            'own_mib': round(facts['own_mib'] - idle['own_mib']),
            'times_faster': round(before['seconds'] / facts['seconds'], 1),
            'times_less_peak': times_less('peak_mib', before, facts, idle),
            'times_less_own': times_less('own_mib', before, facts, idle),
        }
        for way, facts in found.items()
    ]
    settings = {'videos': arguments.videos, 'captions': arguments.captions}
    record(
        arguments.out,
        rows,
        {**settings, 'file_mib': round(file_mib), 'idle_mib': round(idle['peak_mib'])}
        | environment('numpy'),
    )


def times_less(key: str, before: dict, now: dict, idle: dict) -> float:
    """Return how many times less memory something takes than before, beyond that of Python."""
    return round((before[key] - idle[key]) / max(now[key] - idle[key], 1), 1)


def write_captions(path: Path, num_videos: int, num_captions: int) -> None:
    """Write captions of 4 to 14 words, about as long as those of HowTo100M."""
    rng = np.random.default_rng(0)
    words = SENTENCE.split()
    with path.open('w') as file:
        file.write('{')
        for video in range(num_videos):
            start = np.cumsum(rng.uniform(0.5, 5, num_captions)).round(2)
            text = [' '.join(rng.permutation(words)[: rng.integers(4, 15)]) for _ in start]
            entry = {'start': start.tolist(), 'end': (start + 4).round(2).tolist(), 'text': text}
            file.write(f'{", " if video else ""}"{video:011}": {json.dumps(entry)}')
        file.write('}')


def run(way: str, source: Path) -> dict:
    """Measure one way in a fresh process."""
    command = [sys.executable, __file__, '--way', way, '--file', str(source)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def measure(way: str, source: Path) -> dict:
    """Get ready, read some clips anywhere, and say what it took."""
    from stgr.datasets.clip_table import ClipTable
    from stgr.io.caption_columns import read_caption_columns
    from stgr.io.caption_store import open_caption_store

    start = time.process_time()
    clips = None
    if way == 'dictionary':
        clips = read_as_dictionary(source)
    elif way != 'nothing':
        store = source.with_suffix('.clips')
        columns = (
            read_caption_columns(source) if way == 'columns' else open_caption_store(source, store)
        )
        if way != 'convert':
            clips = ClipTable.take(columns, min_words=5, durations_sec={})
        if way == 'store_permuted':
            clips = clips.with_permuted_narrations(0)
    digest = None if clips is None else read_some(clips)
    seconds = time.process_time() - start
    memory = {'peak_mib': memory_mib('VmHWM'), 'own_mib': memory_mib('RssAnon')}
    return {'seconds': seconds, 'clips': digest, **memory}


def read_some(clips: object) -> str:
    """Return a checksum of clips here and there."""
    digest = hashlib.sha256(str(len(clips)).encode())
    for row in np.random.default_rng(1).integers(len(clips), size=CLIPS_READ):
        video = clips.video_ids[clips.video_of(row)]
        clip = (
            video,
            float(clips.start_sec[row]),
            float(clips.end_sec[row]),
            clips.narrations[row],
        )
        digest.update(repr(clip).encode())
    return digest.hexdigest()


class Lists:
    """The table as it was before: arrays of times, a list of strings."""

    def __init__(self, captions: dict) -> None:
        kept = {
            video_id: [row for row in rows if len(row.text.split()) >= 5]
            for video_id, rows in iter(lambda: captions.popitem() if captions else None, None)
        }
        kept = {video_id: rows for video_id, rows in reversed(kept.items()) if rows}
        rows = [row for part in kept.values() for row in part]
        self.video_ids = list(kept)
        self.first_row = np.cumsum([0, *map(len, kept.values())])
        self.start_sec = np.array([row.start_sec for row in rows])
        self.end_sec = np.array([row.end_sec for row in rows])
        self.narrations = [row.text for row in rows]

    def __len__(self) -> int:
        return len(self.narrations)

    def video_of(self, row: int) -> int:
        """Return the number of the video of a clip."""
        return int(np.searchsorted(self.first_row, row, side='right')) - 1


def read_as_dictionary(source: Path) -> Lists:
    """Load the whole file, make captions, then the table."""
    from stgr.io.captions import Caption

    entries = json.loads(source.read_bytes())
    captions = {}
    while entries:
        video_id, entry = entries.popitem()
        columns = (entry[name] for name in ('start', 'end', 'text'))
        captions[video_id] = [Caption(s, e, t.strip()) for s, e, t in zip(*columns, strict=True)]
    return Lists(dict(reversed(captions.items())))


def memory_mib(key: str) -> float:
    """Return a line of this process's status."""
    lines = Path('/proc/self/status').read_text().splitlines()
    status = dict(line.split(':', 1) for line in lines)
    return int(status[key].split()[0]) / 1024


if __name__ == '__main__':
    main()
