"""Training may end with the probabilities of its last checkpoint, chosen on validation videos."""

import json
import logging
from types import SimpleNamespace

import pytest

from stgr.apis import Grounder
from stgr.apis.calibration import CalibrateAnswersHook, CalibrationJob, calibrate_model
from stgr.apis.model_hub import load_config
from stgr.apis.own_training import OwnData
from stgr.apis.own_training.own_config import adapt_config, write_clicks
from stgr.apis.own_training.run import _as_text, _encode
from stgr.apis.prepare import PreparationSettings, prepare
from stgr.apis.train import prepare_runner
from stgr.calibration import calibration_sha256, load_calibration
from stgr.preparation import SplitRule

NAMES = ('crack egg', 'whisk it', 'fry the fish')


@pytest.fixture
def data(tmp_path, tiny_video):
    """Eight prepared videos, the validation ones clicked: two of three actions in each."""
    folder = tmp_path / 'videos'
    folder.mkdir()
    for i in range(8):
        (folder / f'egg_{i}.mp4').symlink_to(tiny_video)
        cues = (
            f'{k + 1}\n00:00:0{k},000 --> 00:00:0{k + 1},000\n{NAMES[(i + k) % 3]} now\n'
            for k in range(2)
        )
        (folder / f'egg_{i}.srt').write_text('\n'.join(cues))
    prepare([folder], tmp_path / 'data', PreparationSettings(split=SplitRule(0.4, 0.0)))
    return OwnData(tmp_path / 'data')


def click(data):
    """Write boxes in all validation videos; what happens in one does not in the next."""
    folder = data.root / 'annotations'
    folder.mkdir()
    videos = list(data.num_captions['val'])
    boxes = {
        video_id: [{'second': s, 'box': [0, 0, 20, 20], 'step_name': NAMES[v % 3]} for s in (0, 1)]
        for v, video_id in enumerate(videos)
    }
    assert len(boxes) > 1
    (folder / 'box_anno.json').write_text(json.dumps(boxes))
    (folder / 'id2wh_new.json').write_text(json.dumps({video: [64, 48] for video in videos}))
    step = {'segment': [0, 2], 'id': 0, 'sentence': NAMES[0]}
    (folder / 'seg.json').write_text(json.dumps({video: [step] for video in videos}))
    return OwnData(data.root)


def runner_of(data, work_dir, **hook):
    """Return a runner of one epoch with the hook, and its config as a file."""
    work_dir.mkdir()
    cfg = load_config('ours_tiny')
    adapt_config(cfg, data, work_dir, name='ours_tiny', epochs=1)
    write_clicks(data, work_dir)
    cfg.custom_hooks.append({'type': 'stgr.apis.calibration.CalibrateAnswersHook', **hook})
    file = work_dir / 'config.py'
    file.write_bytes(_as_text(cfg))
    _encode(cfg, lambda line: None)
    return prepare_runner(cfg, work_dir=work_dir / 'run', seed=0), file


def test_training_ends_with_the_probabilities_of_what_was_trained(data, tmp_path, caplog):
    runner, config = runner_of(click(data), tmp_path / 'work')

    runner.train()

    weights = tmp_path / 'work' / 'run' / 'epoch_1.pth'
    fitted = load_calibration(weights.with_suffix('.calibration.json'))
    assert fitted.provenance['videos'] == len(data.num_captions['val'])
    judge = Grounder(config, weights=weights, device='cpu').inferencer.judge
    assert calibration_sha256(judge.calibration) == calibration_sha256(fitted)
    out = tmp_path / 'again.calibration.json'
    by_hand, _ = calibrate_model(CalibrationJob(config, weights=weights, out=out))
    assert (by_hand.occurrence, by_hand.spans) == (fitted.occurrence, fitted.spans)

    weights.with_suffix('.calibration.json').unlink()  # at a rate that nothing is stored at
    logger = logging.getLogger('test')
    stand_in = SimpleNamespace(
        cfg=runner.cfg, work_dir=runner.work_dir, logger=logger, experiment_name='x'
    )
    with caplog.at_level('WARNING'):
        CalibrateAnswersHook(rate_fps=3.0).after_train(stand_in)
    (record,) = caplog.records
    assert 'not calibrated' in record.getMessage()
    assert 'answers are at 3' in record.getMessage()


def test_what_is_said_is_no_truth_and_told_before_training(data, tmp_path):
    runner, _ = runner_of(data, tmp_path / 'work')

    with pytest.raises(ValueError, match=r'what is said .*stgr annotate'):
        runner.train()
    assert not list((tmp_path / 'work' / 'run').glob('*.pth'))
