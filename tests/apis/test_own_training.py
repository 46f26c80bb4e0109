"""From prepared videos to a model that answers: the config, the scores, and what is refused."""

import json
import shlex
from pathlib import Path

import pytest

from stgr.apis.model_hub import load_config
from stgr.apis.own_training import OwnData, train_on
from stgr.apis.own_training.own_config import adapt_config, feature_store, write_clicks
from stgr.apis.own_training.start import find_start
from stgr.apis.prepare import PreparationSettings, prepare
from stgr.cli import main
from stgr.io.failed_videos import FailedVideos
from stgr.io.file_locks import FileLock
from stgr.preparation import SplitRule

TEXTS = ('crack the egg', 'whisk the egg', 'fry the fish', 'chop the onion', 'slice the bread')


@pytest.fixture(scope='module')
def videos(tmp_path_factory, tiny_video):
    folder = tmp_path_factory.mktemp('videos')
    for i in range(8):
        (folder / f'egg_{i}.mp4').symlink_to(tiny_video)
        (folder / f'egg_{i}.srt').write_text(
            f'1\n00:00:00,000 --> 00:00:01,000\n{TEXTS[i % 5]}\n\n'
            f'2\n00:00:01,000 --> 00:00:02,500\n{TEXTS[(i + 2) % 5]} now\n'
        )
    return folder


@pytest.fixture
def data(videos, tmp_path):
    """Prepared data; what is written to it stays in this test."""
    return _prepared(videos, tmp_path / 'data')


def _prepared(videos, out, **shares):
    prepare(
        [videos], out, PreparationSettings(split=SplitRule(**{'val': 0.2, 'test': 0.2} | shares))
    )
    return OwnData(out)


def _click(data, *splits):
    """Write boxes of the first video of each split, as ``stgr annotate --merge`` does."""
    names = {split: next(iter(data.num_captions[split])) for split in splits}
    rows = [{'second': s, 'box': [0, 0, 20, 20], 'step_name': TEXTS[s]} for s in range(2)]
    folder = data.root / 'annotations'
    folder.mkdir()
    files = {
        'box_anno.json': rows,
        'id2wh_new.json': [64, 48],
        'seg.json': [{'segment': [0, 1], 'id': 0, 'sentence': TEXTS[0]}],
    }
    for file, content in files.items():
        (folder / file).write_text(json.dumps(dict.fromkeys(names.values(), content)))
    return names


@pytest.fixture(scope='module')
def trained(videos, tmp_path_factory):
    """One epoch on the tiny model, what was said, and the folder of the data."""
    root = tmp_path_factory.mktemp('trained')
    data = _prepared(videos, root / 'data')
    said = []
    done = train_on(
        data.root,
        config='ours_tiny',
        epochs=1,
        work_dir=root / 'run',
        control=True,
        say=said.append,
    )
    return done, said, data


def test_training_leaves_scores_before_and_after_beside_controls(trained):
    done, said, _ = trained

    assert list(done.scores) == ['before', 'after', 'permuted', 'chance']
    best = {name: row.get('grounding/labels/label_acc_best') for name, row in done.scores.items()}
    assert all(0 <= best[name] <= 1 for name in ('before', 'after', 'permuted'))
    assert best['chance'] == 0.5, 'each video has two narrations'
    assert any('nobody has clicked anything' in line for line in said)
    assert any('stgr annotate' in line for line in said)
    assert any('thresholds are chosen by what is said' in line for line in said)


def test_only_the_control_is_taught_narrations_of_other_videos(trained):
    done, _, _ = trained
    permuted = {}
    for run in ('run', 'permuted'):
        (config,) = (done.work_dir / run).glob('*.py')  # as MMEngine keeps it
        permuted[run] = load_config(config).train_dataloader.dataset.get('permute_narrations')

    assert permuted == {'run': None, 'permuted': 0}


def test_what_was_trained_answers_queries_of_its_own_thresholds(trained, tiny_video):
    import torch

    from stgr import Grounder

    done, _, _ = trained
    grounder = Grounder(done.config, weights=done.checkpoint, device='cpu')

    result = grounder.ground(tiny_video, queries=['crack the egg'])

    state = torch.load(done.checkpoint, weights_only=False)['state_dict']
    assert float(state['query_threshold']) != 0.5, 'thresholds were calibrated'
    assert result.settings['threshold'] == pytest.approx(float(state['query_threshold']))


def test_run_again_it_trains_nothing_and_says_the_same(trained):
    done, _, data = trained
    written = done.checkpoint.stat().st_mtime_ns

    again = train_on(data.root, config='ours_tiny', epochs=1, work_dir=done.work_dir, control=True)

    assert again.scores == done.scores
    assert done.checkpoint.stat().st_mtime_ns == written


def test_other_settings_do_not_go_into_the_same_folder(trained):
    done, _, data = trained

    with pytest.raises(ValueError, match='take another --work-dir'):
        train_on(data.root, config='ours_tiny', epochs=2, work_dir=done.work_dir)


def test_two_runs_do_not_meet_in_one_folder(data, tmp_path):
    (tmp_path / 'run').mkdir()
    lock = FileLock(tmp_path / 'run' / '.lock')
    settings = {'config': 'ours_tiny', 'work_dir': tmp_path / 'run', 'config_only': True}

    with pytest.raises(ValueError, match='another process is writing to'):
        train_on(data.root, **settings)
    assert not (tmp_path / 'run' / 'config.py').exists()

    lock.release()
    assert train_on(data.root, **settings).config.is_file()


def test_a_run_on_other_captions_or_clicks_is_another_run(data, tmp_path):
    """Else old scores would be told of new data, without a step of training."""
    settings = {'config': 'ours_tiny', 'work_dir': tmp_path / 'run', 'config_only': True}
    train_on(data.root, **settings)
    captions = data.root / 'train.json'
    captions.write_text(captions.read_text().replace('whisk the egg', 'poach the egg'))

    with pytest.raises(ValueError, match='other data'):
        train_on(data.root, **settings)

    settings['work_dir'] = tmp_path / 'clicked'
    _click(data, 'val', 'test')
    train_on(data.root, **settings)
    before = (tmp_path / 'clicked' / 'test_box_anno.json').read_bytes()
    boxes = data.root / 'annotations' / 'box_anno.json'
    boxes.write_text(boxes.read_text().replace('[0, 0, 20, 20]', '[0, 0, 10, 20]'))
    with pytest.raises(ValueError, match='other data'):
        train_on(data.root, **settings)
    assert (tmp_path / 'clicked' / 'test_box_anno.json').read_bytes() == before


def test_what_cannot_be_encoded_may_show_after_the_config_was_written(data, tmp_path):
    """As on a cluster, where ``stgr extract`` comes between."""
    settings = {'config': 'ours_tiny', 'work_dir': tmp_path / 'run', 'config_only': True}
    train_on(data.root, **settings)
    bad = next(iter(data.num_captions['test']))
    FailedVideos(feature_store(data, 'ours_tiny')).add(bad, 'egg.mp4', 'a broken frame')

    done = train_on(data.root, **settings)

    assert load_config(done.config).val_dataloader.dataset.leave_out == [bad]
    assert train_on(data.root, **settings).config == done.config


def _adapted(name, data, tmp_path, **changes):
    cfg = load_config(name)
    adapt_config(cfg, data, tmp_path, name=name, **changes)
    return cfg


def _kinds(pipeline):
    return [str(getattr(s.type, '__name__', s.type)).rpartition('.')[2] for s in pipeline]


def test_a_model_of_pixels_reads_stored_features_of_its_frozen_backbone(data, tmp_path):
    cfg = _adapted('ours_clip', data, tmp_path)

    steps = cfg.train_dataloader.dataset.pipeline
    assert _kinds(steps) == ['SampleClip', 'LoadFeatures', 'PackClip']
    assert steps[1].store_dir == str(data.root.resolve() / 'features' / 'ours_clip')
    assert (cfg.feature_fps, cfg.feature_layout) == (5.0, 'shards')
    assert _kinds(cfg.test_dataloader.dataset.pipeline) == ['LoadFeatures', 'PackClip']


def test_a_backbone_that_learns_is_given_pixels(data, tmp_path):
    cfg = _adapted('ours_clip_finetune', data, tmp_path)

    assert _kinds(cfg.train_dataloader.dataset.pipeline)[1] == 'LoadVideoFrames'
    assert 'feature_fps' not in cfg


def test_the_schedule_fits_few_clips(data, tmp_path):
    clips = data.num_clips
    assert 8 <= clips < 16

    cfg = _adapted('ours_clip', data, tmp_path)

    assert cfg.train_dataloader.batch_size == 8  # and not a quarter, which would contrast too few
    assert cfg.train_cfg.max_epochs == 100  # one step each, 300 are more than 100 epochs
    warmup, cosine = cfg.param_scheduler
    assert (warmup.end, cosine.T_max) == (10, 100)  # a tenth of the steps, and to the end
    assert cfg.optim_wrapper.optimizer.lr == 1e-4


def test_trained_weights_are_changed_slowly(data, tmp_path):
    start = find_start('ours_tiny', None)

    cfg = _adapted('ours_tiny', data, tmp_path, weights=start.weights, epochs=3)

    assert cfg.optim_wrapper.optimizer.lr == pytest.approx(3e-6)
    assert cfg.load_from == str(start.weights)
    assert cfg.train_cfg.max_epochs == 3


def test_clicks_in_test_videos_are_scored_and_those_learned_from_are_not(data, tmp_path):
    names = _click(data, 'train', 'test')

    clicked = OwnData(data.root)
    cfg = _adapted('ours_tiny', clicked, tmp_path)
    write_clicks(clicked, tmp_path)

    boxes = json.loads(Path(cfg.test_dataloader.dataset.boxes).read_text())
    assert list(boxes) == [names['test']]
    assert cfg.val_dataloader.dataset.type.endswith('NarratedVideos')
    assert cfg.test_evaluator.controls == ['chance', 'centre', 'oracle']


def test_a_model_is_scored_on_clicks(data, tmp_path):
    _click(data, 'val', 'test')
    said = []

    done = train_on(
        data.root, init='ours_tiny', epochs=1, work_dir=tmp_path / 'run', say=said.append
    )

    assert list(done.scores) == ['before', 'after', 'chance', 'centre', 'oracle']
    assert done.scores['oracle']['grounding/pointing/pointing_acc'] == 1
    assert any('on clicked seconds' in line for line in said)
    assert not any('no clicks' in line for line in said)
    assert said[0].endswith('from ours_tiny.safetensors')


def test_a_video_that_cannot_be_encoded_is_left_out_and_told(videos, tmp_path, monkeypatch):
    from stgr.apis import feature_extraction

    encode, data = feature_extraction.encode_into, _prepared(videos, tmp_path / 'data')
    bad = next(iter(data.num_captions['train']))

    def failing(encoder, writer, video_id, path):
        return 'a broken frame' if video_id == bad else encode(encoder, writer, video_id, path)

    monkeypatch.setattr(feature_extraction, 'encode_into', failing)
    said = []
    for _ in range(2):  # the second run knows it from the start
        done = train_on(
            data.root, config='ours_tiny', epochs=1, work_dir=tmp_path / 'run', say=said.append
        )
    told = [line for line in said if line.startswith('1 videos cannot be encoded')]
    assert len(told) == 2
    assert load_config(done.config).test_dataloader.dataset.leave_out == [bad]


def test_clicks_that_nobody_has_merged_are_not_passed_over(data):
    (data.root / 'annotations' / 'clicks').mkdir(parents=True)

    with pytest.raises(ValueError, match='stgr annotate --merge --out'):
        train_on(data.root, config='ours_tiny', config_only=True, work_dir=data.root / 'run')


def test_commands_that_are_proposed_can_be_typed_whatever_the_folder(videos, tmp_path, capsys):
    out, run = tmp_path / 'my data', tmp_path / "ann's run"

    assert main(['prepare', str(videos), '--out', str(out), '--test', '0.3']) == 0
    proposed = capsys.readouterr().out.splitlines()[-1].removeprefix('train with: ')
    _, *arguments = shlex.split(proposed.replace('ours_clip', 'ours_tiny'))
    assert main([*arguments, '--work-dir', str(run), '--config-only']) == 0
    said = capsys.readouterr().out

    assert f'stgr annotate ... --out {shlex.quote(str(out / "annotations"))}\n' in said
    config = shlex.quote(str(run / 'config.py'))
    assert f'next: stgr extract {config}\n' in said
    assert f'tools/train.py {config} --launcher pytorch\n' in said


def test_config_only_leaves_a_config_for_every_other_tool(data, tmp_path):
    done = train_on(data.root, init='ours_clip', work_dir=tmp_path / 'run', config_only=True)

    assert done.checkpoint is None
    assert load_config(done.config).train_dataloader.dataset.captions == 'train.json'
    assert not (data.root / 'features').exists()


def test_without_held_out_videos_nothing_is_scored(videos, tmp_path):
    data = _prepared(videos, tmp_path / 'data', val=0.0, test=0.0)

    cfg = _adapted('ours_tiny', data, tmp_path)

    assert (cfg.val_dataloader, cfg.test_dataloader) == (None, None)
    assert cfg.custom_hooks == []


def test_too_few_clips_are_refused_in_words(videos, tmp_path):
    for file in videos.glob('egg_[0-2].*'):
        (tmp_path / file.name).symlink_to(file)
    data = _prepared(tmp_path, tmp_path / 'data')

    with pytest.raises(ValueError, match=r'has 2 captions of 1 videos .* at least 8 of 2'):
        train_on(data.root, config='ours_tiny', work_dir=tmp_path / 'run')
    assert not (tmp_path / 'run').exists()


def test_where_to_begin(tmp_path):
    weights = tmp_path / 'work' / 'run' / 'mine.pth'
    weights.parent.mkdir(parents=True)
    weights.touch()

    assert find_start(None, None).config == 'ours_clip'
    assert find_start('ours_clip', None).weights is None
    assert find_start('ours_tiny', None).weights.name == 'ours_tiny.safetensors'
    assert find_start(None, 'ours_tiny').weights is None
    assert find_start(str(weights), 'ours_tiny').weights == weights
    with pytest.raises(ValueError, match='say which model'):
        find_start(str(weights), None)
    (tmp_path / 'work' / 'config.py').touch()
    assert find_start(str(weights), None).config == str(tmp_path / 'work' / 'config.py')


BAD = {
    'no such data': (['--data', 'nowhere'], 'stgr prepare DIR --out nowhere'),
    'unknown model': (['--init', 'ours_tyni'], 'did you mean ours_tiny'),
    'missing weights': (['--init', 'gone.pth'], 'no checkpoint gone.pth'),
    'a config as weights': (['--init', 'my.py'], '--config my.py'),
    'nothing to learn': (['--config', 'baselines/tiny_zero_shot'], 'nothing to train'),
    'another kind of training': (['--config', 'clip_tiny'], 'nothing to train'),
    'sound too': (['--config', 'ablations/tiny_audio'], 'reads more than videos and narrations'),
    'no epoch': (['--config', 'ours_tiny', '--epochs', '0'], 'at least 1'),
}


@pytest.mark.parametrize('name', BAD)
def test_a_mistake_is_one_line_before_any_work(name, data, tmp_path, monkeypatch, capfd):
    arguments, reason = BAD[name]
    monkeypatch.chdir(tmp_path)
    given = arguments if '--data' in arguments else ['--data', str(data.root), *arguments]

    assert main(['train', *given, '--work-dir', 'run']) == 1

    error = capfd.readouterr().err
    assert error.count('\n') == 1, error
    assert reason in error
    assert not (tmp_path / 'run' / 'config.py').exists()
