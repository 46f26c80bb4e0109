"""Minimal readers of the real annotation files, for tests that recompute published anchors."""

import json
import os
import pickle
import re
import tarfile
from pathlib import Path

import numpy as np
import pytest

from stgr.evaluation.functional import instances_from_segments, record_from_mapping

GROUNDING = ('box_anno.json', 'id2wh_new.json', 'seg.json')


def folder_of(dataset, *files):
    """Return the folder of a data set's annotations, or skip the test that asks."""
    root = os.environ.get('STGR_DATA_ROOT')
    if not root:
        pytest.skip(f'set STGR_DATA_ROOT to the folder that holds annotations/{dataset}')
    folder = Path(root) / 'annotations' / dataset
    missing = [name for name in files if not (folder / name).is_file()]
    if missing:
        pytest.skip(f'{folder} lacks {missing}')
    return folder


def read_json(dataset, *files):
    """Return the contents of JSON files of a data set."""
    folder = folder_of(dataset, *files)
    return [json.loads((folder / name).read_text()) for name in files]


def grounding_records():
    """Return GroundingYouTube's videos without predictions: majority boxes, T = last second + 7."""
    boxes, sizes, segments = read_json('grounding_youtube', *GROUNDING)
    return [
        grounding_record(name, boxes[name], sizes[name], segments[name]) for name in sorted(boxes)
    ]


def grounding_record(name, rows, size, segments):
    """Return one video of boxed seconds."""
    pool = sorted({row['step_name'] for row in rows})
    index = {label: i for i, label in enumerate(pool)}
    spans = [(*s['segment'], index.get(s['sentence'].replace('_', ' '), -1)) for s in segments]
    num = max([row['second'] for row in rows] + [span[1] for span in spans]) + 7
    labels, boxes = np.full(num, -1), np.zeros((num, 4))
    for row in rows:
        labels[row['second']] = index[row['step_name']]
        boxes[row['second']] = row['box']
    return record_from_mapping(
        {
            'video_id': name,
            'pool': pool,
            'times': np.arange(num),
            'gt_labels': labels,
            'gt_boxes_px': boxes,
            'gt_instances': instances_from_segments(labels, np.arange(num), spans),
            'frame_size': size,
            'pred_labels': np.full(num, -1),
            'pred_scores': np.zeros(num),
        }
    )


class _PlainPickle(pickle.Unpickler):
    """Reads containers and numbers only."""

    def find_class(self, module, name):
        if (module, name) in {('builtins', 'set'), ('__builtin__', 'set')}:
            return set
        raise pickle.UnpicklingError(f'{module}.{name} is not read')


def youcook_boxes():
    """Return the boxed seconds within a segment: video of each, and boxes (N, 4)."""
    names = ('final_dataset_segments.pkl', 'final_dataset_annotations.pkl')
    folder = folder_of('youcook2_interactions', *names)
    contents = []
    for name in names:
        with (folder / name).open('rb') as file:
            contents.append(_PlainPickle(file).load())
    segments, boxes = contents
    rows = [
        (video, boxes[video][second])
        for video, start, end in sorted(segments)
        for second in range(start, end + 1)
        if second in boxes.get(video, {})
    ]
    return np.array([video for video, _ in rows]), np.array([box for _, box in rows], float)


# spellings of the annotated words that are not those of the list of classes
_SPELLING = {
    'appy': 'apply',
    'leaf': 'leave',
    'omelet': 'omelette',
    'omellete': 'omelette',
    'press': 'pres',
    'sauté': 'saute',
    'scrambled': 'scramble',
    'stiring': 'stir',
    'them': 'it',
    'tilting': 'tilt',
    'toss': 'tos',
    'using': 'use',
}


def mining_steps():
    """Return MiningYouTube's steps: video -> rows of start and end in ms and class number."""
    folder = folder_of('mining_youtube', 'annotations.tar.gz', 'weakYouTube_dict.txt')
    names = [line.strip() for line in (folder / 'weakYouTube_dict.txt').read_text().split('\n')]
    index = {name: i for i, name in enumerate(names) if name}
    videos = {}
    with tarfile.open(folder / 'annotations.tar.gz') as archive:
        for member in sorted(archive.getmembers(), key=lambda member: member.name):
            if member.name.endswith('.srt'):
                text = archive.extractfile(member).read().decode('utf-8-sig')
                videos[Path(member.name).stem] = _steps(text, index)
    return videos


def _steps(text, index):
    rows = []
    for part in re.split(r'\r?\n\s*\r?\n', text.strip()):
        _, times, name = part.splitlines()[:3]
        start, end = (_milliseconds(time) for time in times.split('-->'))
        rows.append((start, end, index[_class_of(name.strip(), index)]))
    return np.array(rows)


def _milliseconds(time):
    hours, minutes, seconds = time.strip().split(':')
    whole, thousandths = seconds.split(',')
    return ((int(hours) * 60 + int(minutes)) * 60 + int(whole)) * 1000 + int(thousandths)


def _class_of(raw, index):
    """Return the class of an annotated string: its verb with the first noun that makes one."""
    name = {'add_toppings': 'add_top'}.get(raw, raw)
    if name in index:
        return name
    verb, *nouns = (_SPELLING.get(word, word) for word in name.split('_'))
    stems = (stem for noun in nouns for stem in _stems(noun))
    return next(f'{verb}_{stem}' for stem in stems if f'{verb}_{stem}' in index)


def _stems(noun):
    yield noun
    for ending, instead in (('ies', 'y'), ('es', ''), ('s', ''), ('ing', ''), ('ies', 'i')):
        if noun.endswith(ending):
            stem = noun[: -len(ending)] + instead
            yield _SPELLING.get(stem, stem)
