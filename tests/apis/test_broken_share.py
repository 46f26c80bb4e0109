"""Of forty videos two are broken: counted, named, listed; above the share allowed it stops."""

import json
import os
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from stgr.apis.extract import ExtractionSettings, extract_videos
from stgr.apis.feature_extraction import fill_store
from stgr.apis.ground_videos import GroundingJob, ground_videos
from stgr.apis.train import evaluate_checkpoint, train_model
from stgr.cli import main
from stgr.datasets import HowTo100M
from stgr.datasets.transforms import LoadFeatures
from stgr.engine import BrokenVideosHook
from stgr.io import write_video
from stgr.io.failed_videos import FailedVideos
from stgr.io.feature_store import FeatureStore

NAMES = [f'v{number:02}' for number in range(40)]
CUT, NOISE = 'v07', 'v31'  # what is wrong with the two


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    """A training set of forty short videos with two captions each; two videos are broken."""
    root = tmp_path_factory.mktemp('forty')
    (root / 'videos').mkdir()
    whole = root / 'whole.mp4'
    write_video(whole, np.random.default_rng(0).integers(0, 256, (8, 32, 32, 3), np.uint8), 4)
    for name in NAMES:
        os.link(whole, root / 'videos' / f'{name}.mp4')
    for name, content in ((CUT, whole.read_bytes()[:500]), (NOISE, os.urandom(2000))):
        (root / 'videos' / f'{name}.mp4').unlink()
        (root / 'videos' / f'{name}.mp4').write_bytes(content)
    said = {'start': [0.0, 1.0], 'end': [1.0, 2.0], 'text': ['flip it over', 'slice the bread']}
    (root / 'captions.json').write_text(json.dumps(dict.fromkeys(NAMES, said)))
    return root


@pytest.fixture
def config(root, tiny_model, tmp_path):
    """The tiny model, trained on the forty videos by two workers."""
    path = tmp_path / 'forty.py'
    path.write_text(
        tiny_model[0].read_text()
        + f"""
from mmengine.dataset import DefaultSampler, pseudo_collate
from mmengine.optim import OptimWrapper
from torch.optim import SGD
from stgr.datasets import HowTo100M
from stgr.datasets.transforms import LoadVideoFrames, PackClip, SampleClip

train_dataloader = dict(
    batch_size=8,
    num_workers=2,
    sampler=dict(type=DefaultSampler, shuffle=True),
    collate_fn=dict(type=pseudo_collate),
    dataset=dict(
        type=HowTo100M,
        data_root={str(root)!r},
        captions='captions.json',
        max_missing=0.1,
        pipeline=[
            dict(type=SampleClip, candidates=2, fps=2),
            dict(type=LoadVideoFrames, size=(32, 32)),
            dict(type=PackClip),
        ],
    ),
)
train_cfg = dict(by_epoch=True, max_epochs=1)
optim_wrapper = dict(type=OptimWrapper, optimizer=dict(type=SGD, lr=0.01))
"""
    )
    return path


def test_training_counts_and_lists_them_and_goes_on(config, tmp_path, capfd):
    runner = train_model(config, work_dir=tmp_path / 'run')

    assert runner.iter == 10
    said = ' '.join(capfd.readouterr().out.split())
    counted = '2 of 40 videos could not be used so far (5 %): 0 without a file, 2 unreadable; see'
    assert f'{counted} {tmp_path / "run" / "failed.jsonl"}' in said
    listed = FailedVideos(tmp_path / 'run').read()
    assert sorted(listed) == [CUT, NOISE]
    assert all(f'{name}.mp4' in listed[name] for name in listed)


def test_training_stops_above_the_share(config, tmp_path):
    overrides = ['train_dataloader.dataset.max_missing=0.03']

    with pytest.raises(ValueError, match=r'2 videos missing or unreadable.* the share of 0\.03'):
        train_model(config, work_dir=tmp_path / 'run', overrides=overrides)


def test_what_two_processes_found_counts_together(root, tmp_path, monkeypatch):
    def of_rank(names):
        dataset = HowTo100M(str(root), 'captions.json', max_missing=0.03)
        dataset.full_init()
        dataset.unusable[[NAMES.index(name) for name in names]] = 1
        return dataset

    here, there = of_rank([CUT]), of_rank([NOISE])

    def all_reduce(tensor, op):
        if op == 'max':
            torch.maximum(tensor, there.unusable, out=tensor)

    monkeypatch.setattr('stgr.engine.broken_videos_hook.all_reduce', all_reduce)
    said = []
    runner = SimpleNamespace(
        train_dataloader=SimpleNamespace(dataset=here),
        work_dir=str(tmp_path),
        logger=SimpleNamespace(info=said.append),
    )

    here.check_unusable()  # one of forty is allowed
    with pytest.raises(ValueError, match=r'2 videos missing or unreadable.* share of 0\.03'):
        BrokenVideosHook().after_train_epoch(runner)
    assert said[0].startswith('2 of 40 videos could not be used so far (5 %)')


def test_a_file_that_vanishes_costs_itself_only(root, config, tmp_path):
    dataset = HowTo100M(str(root), 'captions.json', pipeline=[add_times], max_missing=0.1, seed=1)
    assert len(dataset) == 80  # the folder is listed now
    gone = root / 'videos' / 'v00.mp4'
    content = gone.read_bytes()
    gone.unlink()
    try:
        with pytest.warns(UserWarning, match=r'v00\.mp4.*1 videos missing or unreadable so far'):
            clip = dataset[0]
    finally:
        gone.write_bytes(content)
    assert clip['video_id'] != 'v00'


def add_times(item):
    return item | {'frame_times_sec': np.array([0.1, 0.5])}


def extract(config, root, store, **settings):
    settings = ExtractionSettings(device='cpu', rate_fps=1.0, patches=False, **settings)
    return extract_videos(config, [root / 'videos'], store, settings)


def test_extraction_within_the_share_names_them_and_succeeds(root, config, tmp_path, capfd):
    assert extract(config, root, tmp_path / 'store', max_failed=0.05) == 38

    said = capfd.readouterr().err
    assert '2 of 40 videos could not be encoded, which is within the share of 0.05' in said
    assert sorted(FailedVideos(tmp_path / 'store').read()) == [CUT, NOISE]
    # and a shard that vanishes, or is cut, while training reads the store:
    check_training_from(tmp_path / 'store', root)


def check_training_from(store, root):
    """Training from a store without its only shard is an error that names the videos' share."""
    dataset = HowTo100M(
        str(root),
        'captions.json',
        None,
        pipeline=[add_times, LoadFeatures(str(store), patches=False)],
    )
    assert dataset[0]['frame_features'].shape == (2, 32)
    (shard,) = (store / 'shards').glob('*.safetensors')
    shard.rename(store / 'gone')
    fresh = HowTo100M(
        str(root), 'captions.json', None, max_missing=0.1,
        pipeline=[add_times, LoadFeatures(str(store), patches=False)],
    )  # fmt: skip
    with (
        pytest.warns(UserWarning, match='v00'),
        pytest.raises(ValueError, match=r'the share of 0\.1'),
    ):
        fresh[0]
    assert dataset[1]['frame_features'].shape == (2, 32)  # one that is open stays open


def test_extraction_stops_above_the_share(root, config, tmp_path, capfd):
    command = ['extract', str(config), str(root / 'videos'), '--out', str(tmp_path / 'store')]
    command += ['--fps', '1', '--device', 'cpu', '--no-patches', '--max-failed', '0.02']

    assert main(command) == 1

    said = capfd.readouterr().err
    assert '1 of 8 videos could not be encoded; with 0 that failed before' in said
    assert 'more than the share of 0.02 allowed, so it stops' in said
    assert main(command) == 1  # what failed before counts: nothing is tried
    assert '0 of 0 videos could not be encoded; with 1 that failed before' in capfd.readouterr().err


def test_files_that_vanish_are_named_and_the_others_encoded_and_answered(
    door, tiny_model, tiny_video, tmp_path, monkeypatch
):
    files = [(name, tmp_path / f'{name}.mp4') for name in 'abc']
    for _, path in files:
        shutil.copy(tiny_video, path)

    def vanishing(outcomes, _):
        for number, outcome in enumerate(outcomes):
            if number == 0:
                files[1][1].unlink()
            yield outcome

    report = fill_store(
        door.inferencer.model, files, FeatureStore(tmp_path / 's'), rate_fps=1, progress=vanishing
    )

    assert report.encoded == 2
    assert 'b.mp4' in report.failures[0]
    shutil.copy(tiny_video, files[1][1])
    monkeypatch.setattr(
        'stgr.apis.grounder.Grounder.save', lambda *_, **__: files[1][1].unlink(True)
    )
    job = GroundingJob(
        ('flip it over',), model=str(tiny_model[0]), weights=tiny_model[1], device='cpu'
    )
    said = []
    with pytest.raises(ValueError, match='1 of 3 videos could not be answered'):
        ground_videos(job, [path for _, path in files], tmp_path / 'out', say=said.append)
    assert sum('b.mp4: no such video file' in line for line in said) == 1


TESTED = """
from mmengine.dataset import DefaultSampler, pseudo_collate
from stgr.datasets import GroundingYouTube, ReadableVideos
from stgr.datasets.transforms import LoadVideoFrames, PackClip
from stgr.evaluation.metrics import GroundingMetric

test_dataloader = dict(
    batch_size=1,
    num_workers=0,
    sampler=dict(type=DefaultSampler, shuffle=False),
    collate_fn=dict(type=pseudo_collate),
    dataset=dict(
        type=ReadableVideos,
        max_missing=0.1,
        dataset=dict(
            type=GroundingYouTube,
            data_root={root!r},
            pipeline=[dict(type=LoadVideoFrames, size=(32, 32)), dict(type=PackClip)],
        ),
    ),
)
test_cfg = {{}}
test_evaluator = dict(type=GroundingMetric, tasks=['pointing'])
"""


@pytest.fixture
def tested(root, tiny_model, tmp_path):
    """The tiny model, tested on eight videos: two are broken and one is not there."""
    names = [*NAMES[4:9], NAMES[10], NOISE, 'absent']
    box = {'second': 0, 'box': [1, 1, 20, 20], 'step_name': 'flip it'}
    for name, content in (
        ('box_anno', {name: [box] for name in names}),
        ('id2wh_new', {name: [32, 32] for name in names}),
        ('seg', {name: [] for name in names}),
        ('vid2step', {name: ['flip it'] for name in names}),
    ):
        (root / f'{name}.json').write_text(json.dumps(content))
    config = tmp_path / 'tested.py'
    config.write_text(tiny_model[0].read_text() + TESTED.format(root=str(root)))
    return config, tiny_model[1]


def test_testing_states_what_is_left_out_up_to_the_share(tested, tmp_path):
    allowed = ['test_dataloader.dataset.max_missing=0.4']

    with pytest.warns(UserWarning, match='left out of the scores') as told:
        found = evaluate_checkpoint(*tested, work_dir=tmp_path / 'w', overrides=allowed)

    assert found['grounding/num_videos'] == 5
    assert found['grounding/coverage/videos_annotated'] == 8
    assert found['grounding/coverage/share'] == 5 / 8
    said = ' '.join(str(warning.message) for warning in told)
    assert all(f'{name}' in said for name in (CUT, NOISE, 'absent'))


@pytest.mark.parametrize(
    ('share', 'message'),
    [
        (0.2, r'3 of 8 items cannot be read, more than the share of 0\.2'),
        (0, r'1 of 8 videos missing'),
    ],
)
def test_testing_stops_above_the_share(share, message, tested, tmp_path):
    overrides = [f'test_dataloader.dataset.max_missing={share}']

    with pytest.raises((ValueError, FileNotFoundError), match=message):
        evaluate_checkpoint(*tested, work_dir=tmp_path / 'w', overrides=overrides)
