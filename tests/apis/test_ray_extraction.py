"""``stgr extract --launcher ray`` on a real cluster of this machine: shared, killed, resumed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from stgr.apis import extract, ray_extraction
from stgr.apis.extract import ExtractionSettings, extract_videos, verify_stores
from stgr.apis.model_hub import load_config
from stgr.apis.ray_worker import RayJob, RayWorker
from stgr.cli import main
from stgr.io.feature_shards import read_table
from stgr.io.feature_store import FeatureStore
from stgr.io.feature_writer import write_features

ROOT = Path(extract.__file__).parents[2]
NAMES = tuple('abcdef')
ALONE = ExtractionSettings(device='cpu', rate_fps=2.0)
TWO = ExtractionSettings(device='cpu', rate_fps=2.0, launcher='ray', workers=2)


@pytest.fixture(scope='module')
def cluster():
    """A cluster with two processors, without network, dashboard and statistics.

    Yields:
        Its address.
    """
    ray = pytest.importorskip('ray', reason="needs pip install 'stgr[ray]'")
    variables = {
        'PYTHONPATH': os.pathsep.join([str(ROOT), str(ROOT / 'tests')]),
        'RAY_BACKEND_LOG_LEVEL': 'fatal',
        'RAY_USAGE_STATS_ENABLED': '0',
    }
    # the paths of Ray's sockets may have 107 characters, those of pytest's folders are too long
    with (
        pytest.MonkeyPatch.context() as patch,
        tempfile.TemporaryDirectory(prefix='ray', dir='/tmp', ignore_cleanup_errors=True) as folder,
    ):
        for name, value in variables.items():
            patch.setenv(name, value)
        patch.delenv('RAY_ADDRESS', raising=False)
        context = ray.init(
            'local', num_cpus=2, object_store_memory=80 * 1024**2, include_dashboard=False,
            log_to_driver=False, logging_level='error', _temp_dir=folder,
        )  # fmt: skip
        yield context.address_info['address']
        ray.shutdown()


@pytest.fixture
def no_gpus(monkeypatch):
    """Pretend to be connected to a cluster of two processors."""
    pytest.importorskip('ray')
    ray = SimpleNamespace(cluster_resources=lambda: {'CPU': 2.0})
    monkeypatch.setattr(ray_extraction, 'ray_cluster', lambda: nullcontext(ray))


@pytest.fixture
def mortal(tiny_model, tmp_path):
    """Return a function that writes the tiny model's config with a ``MortalGrounder``."""

    def write(*, deaths, **moments):
        for number in range(deaths):
            (tmp_path / f'death{number}').touch()
        config = tmp_path / 'mortal.py'
        text = tiny_model[0].read_text()
        for old, new in (
            ('from stgr.models.grounders import Spatio', 'from ray_mishaps import Spatio'),
            ('SpatioTemporalGrounder', 'MortalGrounder'),
            ('selector=', f'folder={str(tmp_path)!r}, **{moments}, selector='),
        ):
            text = text.replace(old, new)
        config.write_text(text)
        return config

    return write


@pytest.fixture
def videos(tiny_video, tmp_path):
    """A folder of six copies of the tiny video."""
    (tmp_path / 'videos').mkdir()
    for name in NAMES:
        shutil.copy(tiny_video, tmp_path / 'videos' / f'{name}.mp4')
    return tmp_path / 'videos'


def stored(root):
    """Return the ids in the headers of all shards, repeats included."""
    shards = (root / 'shards').glob('*.safetensors')
    return sorted(video_id for shard in shards for video_id in read_table(shard).rows)


def bits(store, video_id):
    features = FeatureStore(store).open(video_id)
    block = features.read()
    return features.provenance, *(a.numpy().tobytes() for a in (block.frames, block.patches))


@pytest.mark.dist
@pytest.mark.timeout(900)
def test_nothing_is_lost_or_stored_twice_when_a_worker_is_killed(
    cluster, tiny_model, mortal, videos, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(ray_extraction, 'MAX_BLOCKS', 3)  # tasks of two videos
    (videos / 'f.mp4').write_bytes(b'crack an egg')
    config = mortal(deaths=1, at_video=2, meet=2)
    for model, store, settings in ((tiny_model[0], 'alone', ALONE), (config, 'two', TWO)):
        with pytest.raises(ValueError, match='1 of 6 videos could not be encoded'):
            extract_videos(model, [videos], tmp_path / store, settings)
    said = capsys.readouterr()
    left = list((tmp_path / 'two' / 'shards' / 'staging').iterdir())
    again = extract_videos(config, [videos], tmp_path / 'two', TWO)

    good = [name for name in NAMES if name != 'f']
    assert stored(tmp_path / 'two') == sorted(FeatureStore(tmp_path / 'two').ids()) == good
    for name in good:
        assert bits(tmp_path / 'two', name) == bits(tmp_path / 'alone', name)
    workers = (tmp_path / 'encoded').read_text().split()
    assert len(workers) == len(good) + 1  # the one that it died over, once more
    assert len(set(workers)) == 3
    assert again == 0
    assert verify_stores(config, tmp_path / 'two') >= 2  # a shard per worker
    assert left == []  # all are joined
    assert said.err.count('its worker died; another one has encoded it') == 1
    entry = json.loads((tmp_path / 'two' / 'failed.jsonl').read_text())
    assert (entry['video'], entry['path']) == ('f', str(videos / 'f.mp4'))
    assert 'not a readable video' in entry['reason']


@pytest.mark.dist
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_video_that_kills_every_worker_is_given_up(cluster, mortal, videos, tmp_path):
    config = mortal(deaths=9, at_video=1)
    with pytest.raises(ValueError, match='3 workers died while they encoded it'):
        extract_videos(config, [videos / 'a.mp4'], tmp_path / 'store', TWO)

    assert json.loads((tmp_path / 'store' / 'failed.jsonl').read_text())['video'] == 'a'
    assert len(list(tmp_path.glob('death*'))) == 9 - 3


@pytest.mark.dist
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_killed_driver_is_resumed(cluster, mortal, videos, tmp_path):
    config, store = mortal(deaths=0), tmp_path / 'store'
    for number in range(40):
        shutil.copy(videos / 'a.mp4', videos / f'{number}.mp4')
    command = [sys.executable, '-m', 'stgr.cli', 'extract', str(config), str(videos), '--out',
               str(store), '--fps', '2', '--launcher', 'ray', '--workers', '2', '--device', 'cpu',
    ]  # fmt: skip
    driver = subprocess.Popen(command, env={**os.environ, 'RAY_ADDRESS': cluster})
    while not list(store.glob('shards/staging/*/*.safetensors')):
        assert driver.poll() is None, 'it ended before it was killed'
        time.sleep(0.01)
    driver.send_signal(signal.SIGKILL)
    driver.wait()

    encoded = extract_videos(config, [videos], store, TWO)

    assert 0 < encoded < 46
    assert stored(store) == sorted(path.stem for path in videos.iterdir())
    assert verify_stores(config, store) == len(list((store / 'shards').glob('*.safetensors')))


@pytest.mark.dist
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_store_of_files_goes_on_with_files(cluster, tiny_model, videos, tmp_path):
    config, store = tiny_model[0], tmp_path / 'store'
    extract_videos(config, [videos / 'a.mp4'], tmp_path / 'shards', ALONE)
    first = FeatureStore(tmp_path / 'shards').open('a')
    block = first.read()
    write_features(
        store / 'a.safetensors', times_sec=first.times_sec, frames=block.frames.numpy(),
        patches=block.patches.numpy(), provenance=first.provenance,
    )  # fmt: skip

    assert extract_videos(config, [videos], store, TWO) == 5
    assert sorted(path.name for path in store.iterdir()) == [f'{n}.safetensors' for n in NAMES]


def test_a_missing_package_is_answered_with_the_command_to_run(
    tiny_model, videos, tmp_path, monkeypatch, capfd
):
    monkeypatch.setitem(sys.modules, 'ray', None)
    arguments = ['extract', str(tiny_model[0]), str(videos), '--out', str(tmp_path / 'store')]

    assert main([*arguments, '--fps', '2', '--launcher', 'ray']) == 1
    assert "pip install 'stgr[ray]'" in capfd.readouterr().err


@pytest.mark.parametrize(
    ('changed', 'error', 'message'),
    [
        ({'version': '0.0.1'}, 'ValueError', 'instead of 0.0.1; install the same version'),
        ({'store_dir': Path('/nowhere')}, 'OSError', 'has no folder /nowhere'),
        ({'provenance': {'image_size': 8}}, 'ValueError', 'image_size: 32 instead of 8'),
    ],
)
def test_a_machine_that_does_not_fit_is_refused(changed, error, message, tiny_model, tmp_path):
    job = RayJob(
        model=load_config(tiny_model[0]).model, store_dir=tmp_path, sharded=True, device='cpu',
        settings={'rate_fps': 2.0}, provenance={}, folder=Path.cwd(),
    )  # fmt: skip
    worker = RayWorker(replace(job, **changed), watch=None)

    outcome = worker({'number': 0, 'video': b'a', 'path': b'a.mp4'})

    assert outcome['error'] == error
    assert message in outcome['reason']


@pytest.mark.parametrize('kind', [ValueError, OSError])
def test_an_error_that_concerns_all_videos_ends_the_run(
    kind, no_gpus, tiny_model, videos, tmp_path, monkeypatch
):
    row = {'error': kind.__name__, 'reason': 'the disk is full'}
    monkeypatch.setattr(ray_extraction, '_run', lambda *_: iter([row]))

    with pytest.raises(kind, match='the disk is full'):
        extract_videos(tiny_model[0], [videos], tmp_path / 'store', TWO)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (['--workers', '2'], 'needs launcher="ray"'),
        (['--workers', '0', '--launcher', 'ray'], 'at least 1 worker'),
        (['--device', 'cuda:1', '--launcher', 'ray'], 'give cpu or cuda'),
        (['--device', 'cuda', '--launcher', 'ray'], 'has no GPU; give --device cpu'),
    ],
)
def test_what_cannot_be_done_is_said(
    options, message, no_gpus, tiny_model, videos, tmp_path, capfd
):
    arguments = ['extract', str(tiny_model[0]), str(videos), '--out', str(tmp_path / 'store')]

    assert main([*arguments, '--fps', '2', *options]) == 1
    assert message in capfd.readouterr().err
