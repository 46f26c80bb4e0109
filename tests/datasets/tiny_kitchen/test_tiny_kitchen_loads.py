import json
from pathlib import Path

import numpy as np
import pytest

from stgr.datasets import GroundingYouTube, HowTo100M


@pytest.mark.parametrize('captions', ['captions.json', 'clean_captions.json'])
def test_how_to_100m_reads_the_narrations_as_the_script_tells_them(world, scripts, captions):
    dataset = HowTo100M(str(world / 'train'), captions)

    wanted = [
        (script.video_id, said.start_sec, said.end_sec, said.text)
        for script in scripts.values()
        if '_train_' in script.video_id
        for said in (script.narrations if captions == 'captions.json' else script.captions)
    ]
    items = [dataset[index] for index in range(len(dataset))]
    keys = ('video_id', 'start_sec', 'end_sec', 'narration')
    assert sorted(tuple(item[key] for key in keys) for item in items) == sorted(wanted)
    assert all(Path(item['video_path']).exists() for item in items)


@pytest.mark.parametrize('split', ['val', 'test'])
def test_grounding_youtube_reads_what_was_written(world, scripts, split):
    dataset = GroundingYouTube(str(world / split))
    written = json.loads((world / split / 'box_anno.json').read_text())

    assert len(dataset) == len(written) == 1
    item = dataset[0]
    script, rows = scripts[item['video_id']], written[item['video_id']]
    assert item['frame_size'] == script.size
    boxes_px = np.zeros((len(item['labels']), 4))
    labels = [None] * len(item['labels'])
    for row in rows:
        boxes_px[row['second']] = row['box']
        labels[row['second']] = row['step_name']
    np.testing.assert_array_equal(item['boxes_px'], boxes_px)
    assert item['labels'] == labels
    assert item['pool'] == sorted({s.step.name for s in script.segments if s.step})


def test_the_length_of_the_video_is_the_one_written_down(world):
    durations = json.loads((world / 'test' / 'durations.json').read_text())
    opened = GroundingYouTube(str(world / 'test'))[0]
    told = GroundingYouTube(str(world / 'test'), durations='durations.json')[0]

    assert opened['duration_sec'] == pytest.approx(durations[opened['video_id']], abs=0.01)
    assert told['labels'] == opened['labels']
    assert told['pad_sec'] is opened['pad_sec'] is None


def test_the_pool_of_vid2step_is_the_pool_of_the_boxes(world):
    own = GroundingYouTube(str(world / 'test'))[0]
    file = GroundingYouTube(str(world / 'test'), pool='vid2step')[0]

    assert file['pool'] == own['pool']
