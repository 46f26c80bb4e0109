"""Questions on an encoded video: the library against every query on every frame, and latency.

The videos are made here: generated shots of actions and of an empty table in turn. A video is
encoded once for all ways; what is compared is the answer to 512 queries, as a pool of actions and
each alone, boxes included:

* ``library``: only the frames that a query was given go through the local head, in common batches.
* ``every pair``: every query goes through the local head on every frame, a batch of frames at a
  time and its text prepared once; boxes are made of the frames that it was given.
* ``one by one``: a question per query, as a loop over queries writes it (alone only).

Every round runs all ways, one after the other, and ratios of processor seconds are taken within
the round. ``second query`` asks single queries, each for the first time, and takes the wall clock,
text encoding included; its peak is that of the process so far, which has encoded the video and
answered all queries at once (Linux).

    python benchmarks/queries.py
    python benchmarks/queries.py --seconds 60 300 --out benchmarks/results/full
    python benchmarks/queries.py --profile     # where the time goes, as profile_queries_*.csv
"""

import argparse
import cProfile
import math
import pstats
import statistics
import tempfile
import time
from collections.abc import Callable
from itertools import chain, cycle, islice
from pathlib import Path

import numpy as np
import torch
from _recording import RESULTS, Row, environment, record, summary

from stgr.apis import Grounder, inferencer
from stgr.apis.encoded_video import EncodedVideo
from stgr.datasets.tiny_kitchen.layout import random_shot
from stgr.datasets.tiny_kitchen.scene import render
from stgr.datasets.tiny_kitchen.vocabulary import NOUNS, SEEN_STEPS, VERBS
from stgr.io import VideoWriter
from stgr.structures import GroundingResult
from stgr.structures.features import TextFeatures

SIZE, FPS, SHOT_SEC = (320, 180), 10, 10
FRAMES_PER_BATCH = 256
QUERIES = 512
LATENCY_QUERIES = 20


def main() -> None:
    """Measure, print and write the tables."""
    arguments = parse_arguments()
    torch.set_num_threads(arguments.threads)
    grounder = Grounder(device='cpu')
    settings = environment('torch', 'transformers', 'numpy') | {'threads': arguments.threads}
    compared: list[Row] = []
    latencies: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        for seconds in arguments.seconds:
            path = Path(folder) / f'{seconds}.mp4'
            make_video(path, seconds)
            with grounder.encode(path) as video:
                if arguments.profile:
                    write_profile(grounder, video, arguments.out, settings)
                    continue
                latencies += measure_latency(grounder, video)
                for exclusive in (True, False):
                    compared += compare(grounder, video, exclusive, arguments.rounds)
    if compared:
        record(arguments.out / 'queries_latency.csv', latencies, settings)
        record(arguments.out / 'queries.csv', compared, settings)


def parse_arguments() -> argparse.Namespace:
    """Return the command line's settings."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--seconds', type=int, nargs='+', default=(60,), help='of each video')
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--profile', action='store_true')
    parser.add_argument('--out', type=Path, default=RESULTS)
    return parser.parse_args()


def make_video(path: Path, seconds: int) -> None:
    """Write shots of actions, every third of an empty table; they repeat after a minute."""
    rng = np.random.default_rng(0)
    steps = rng.choice(len(SEEN_STEPS), 6, replace=False)
    shots = [
        random_shot(rng, SIZE, kind='table')[0]
        if k % 3 == 2
        else random_shot(rng, SIZE, step=SEEN_STEPS[steps[k]])[0]
        for k in range(6)
    ]
    frames = [render(shot, k / FPS) for shot in shots for k in range(SHOT_SEC * FPS)]
    with VideoWriter(path, FPS, SIZE, quality=27, preset='ultrafast') as writer:
        for frame in islice(cycle(frames), seconds * FPS):
            writer.write(frame)


def make_queries(count: int) -> list[str]:
    """Return texts of a verb and a noun that the model has words for."""
    verbs = [name for verb in VERBS for name in (verb.name, *verb.synonyms)]
    nouns = [*NOUNS, *chain.from_iterable(NOUNS.values())]
    return [f'{verb} {noun}' for verb in verbs for noun in nouns][:count]


def measure_latency(grounder: Grounder, video: EncodedVideo) -> list[Row]:
    """Return how long single queries take after a first one, in milliseconds."""
    grounder.ground(video, queries=['warm up'])
    asked = make_queries(QUERIES)[:: QUERIES // LATENCY_QUERIES][:LATENCY_QUERIES]
    timed = []
    for query in asked:
        start = time.perf_counter()
        (answer,) = grounder.ground(video, queries=[query]).queries
        milliseconds = 1000 * (time.perf_counter() - start)
        timed.append((milliseconds, 0 if answer.heatmaps is None else len(answer.heatmaps.values)))
    grounder.ground(video, queries=make_queries(QUERIES))
    waits = sorted(milliseconds for milliseconds, _ in timed)
    return [
        {
            'measured': 'second query',
            'video_sec': round(video.facts.duration_sec),
            'queries': len(asked),
            'found': sum(frames > 0 for _, frames in timed),
            'most_frames': max(frames for _, frames in timed),
            'median_ms': round(statistics.median(waits), 1),
            'p95_ms': round(waits[math.ceil(0.95 * len(waits)) - 1], 1),
            'slowest_ms': round(waits[-1], 1),
            'peak_mib': peak_mib(),
        }
    ]


def compare(grounder: Grounder, video: EncodedVideo, exclusive: bool, rounds: int) -> list[Row]:
    """Return a row per way of answering all queries: seconds, ratio to the library, memory."""
    queries = make_queries(QUERIES)
    ways: dict[str, Callable[[], GroundingResult]] = {
        'library': lambda: grounder.inferencer.ground(video, queries, exclusive=exclusive),
        'every pair': lambda: ground_every_pair(grounder, video, queries, exclusive),
    }
    if not exclusive:
        ways['one by one'] = lambda: ground_one_by_one(grounder, video, queries)
    results = {way: answer() for way, answer in ways.items()}
    for way, result in results.items():
        check_same(result, results['library'], way)
    timed = [{way: cpu_seconds(answer) for way, answer in ways.items()} for _ in range(rounds)]
    maps = [query.heatmaps for query in results['library'].queries]
    facts = {
        'video_sec': round(video.facts.duration_sec),
        'mode': 'pool' if exclusive else 'alone',
        'queries': len(queries),
        'found': sum(one is not None for one in maps),
        'maps': sum(len(one.values) for one in maps if one is not None),
    }
    return [
        {
            **facts,
            'way': way,
            'cpu_sec': f'{statistics.median(seconds[way] for seconds in timed):.3g}',
            **{
                f'times_library_{name}': value
                for name, value in summary([t[way] / t['library'] for t in timed]).items()
            },
        }
        for way in ways
    ]


def ground_every_pair(
    grounder: Grounder, video: EncodedVideo, queries: list[str], exclusive: bool
) -> GroundingResult:
    """Answer with heat maps of every query on every frame."""
    library = inferencer.answer_heatmaps
    inferencer.answer_heatmaps = heat_of_every_pair
    try:
        return grounder.inferencer.ground(video, queries, exclusive=exclusive)
    finally:
        inferencer.answer_heatmaps = library


def heat_of_every_pair(model, features, text, frames_of_query) -> list[np.ndarray]:
    """Compute the maps of all frames for one query after the other, and keep those asked for."""
    maps: list[list[np.ndarray]] = [[] for _ in frames_of_query]
    with torch.no_grad():
        for start in range(0, len(features), FRAMES_PER_BATCH):
            part = slice(start, start + FRAMES_PER_BATCH)
            patches = features.read_patches(part).float()[:, None]
            for query, frames in enumerate(frames_of_query):
                row = slice(query, query + 1)
                chosen = TextFeatures(text.sentence[row], text.words[row], text.mask[row])
                heat = model.heatmaps(patches, chosen)[:, 0].numpy()
                inside = frames[(frames >= start) & (frames < start + FRAMES_PER_BATCH)]
                maps[query].append(heat[inside - start])
    return [np.concatenate(parts).reshape(-1, *features.grid) for parts in maps]


def ground_one_by_one(
    grounder: Grounder, video: EncodedVideo, queries: list[str]
) -> GroundingResult:
    """Answer a question per query."""
    answers = [grounder.ground(video, queries=[query]) for query in queries]
    first = answers[0]
    together = tuple(answer.queries[0] for answer in answers)
    return GroundingResult(first.video, first.model, first.times_sec, together, first.settings)


def check_same(result: GroundingResult, expected: GroundingResult, way: str) -> None:
    """Raise unless a way gives the library's answer, but for frames at the very threshold."""
    for one, other in zip(result.queries, expected.queries, strict=True):
        np.testing.assert_allclose(one.frame_scores, other.frame_scores, atol=1e-4, err_msg=way)
        if (
            one.heatmaps
            and other.heatmaps
            and len(one.heatmaps.values) == len(other.heatmaps.values)
        ):
            np.testing.assert_allclose(
                one.heatmaps.values, other.heatmaps.values, atol=1e-4, err_msg=way
            )


def cpu_seconds(answer: Callable[[], GroundingResult]) -> float:
    """Return the processor seconds of one run."""
    start = time.process_time()
    answer()
    return time.process_time() - start


def peak_mib() -> int:
    """Return the largest resident set of this process so far."""
    rows = Path('/proc/self/status').read_text().splitlines()
    return round(next(int(row.split()[1]) for row in rows if row.startswith('VmHWM:')) / 1024)


def write_profile(grounder: Grounder, video: EncodedVideo, folder: Path, settings: Row) -> None:
    """Write where the time of 512 queries, each alone, goes: functions by their own seconds."""
    queries = make_queries(QUERIES)
    grounder.ground(video, queries=queries[:1])
    profile = cProfile.Profile()
    profile.runcall(grounder.ground, video, queries=queries)
    stats = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    total = sum(own for _, _, own, _, _ in stats.values())
    slowest = sorted(stats.items(), key=lambda item: -item[1][2])[:25]
    rows = [
        {
            'video_sec': round(video.facts.duration_sec),
            'function': f'{Path(file).name}:{name}',
            'calls': calls,
            'own_sec': round(own, 4),
            'with_callees_sec': round(cumulative, 4),
            'own_share': round(own / total, 3),
        }
        for (file, _, name), (_, calls, own, cumulative, _) in slowest
    ]
    record(folder / f'profile_queries_{round(video.facts.duration_sec)}.csv', rows, settings)


if __name__ == '__main__':
    main()
