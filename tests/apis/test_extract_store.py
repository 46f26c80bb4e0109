"""``stgr extract CONFIG VIDEOS --out STORE``: resumed, shared out, killed, and told apart."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from stgr.apis import extract
from stgr.apis.extract import ExtractionSettings, extract_videos, in_share, verify_stores
from stgr.apis.feature_extraction import VideoEncoder
from stgr.apis.progress_lines import lines
from stgr.cli import main
from stgr.io.feature_shards import read_table
from stgr.io.feature_store import FeatureStore

CPU = ExtractionSettings(device='cpu', rate_fps=2.0)
NAMES = tuple('abcde')


@pytest.fixture
def videos(tiny_video, tmp_path):
    """A folder of five copies of the tiny video."""
    (tmp_path / 'videos').mkdir()
    for name in NAMES:
        shutil.copy(tiny_video, tmp_path / 'videos' / f'{name}.mp4')
    return tmp_path / 'videos'


@pytest.fixture
def config(tiny_model):
    return tiny_model[0]


def stored(root):
    """Return the ids in the headers of all shards, repeats included."""
    shards = (root / 'shards').glob('*.safetensors')
    return sorted(video_id for shard in shards for video_id in read_table(shard).rows)


def test_videos_go_into_few_files_and_only_new_ones_are_encoded(config, videos, door, tmp_path):
    first = extract_videos(config, [videos / 'a.mp4', videos / 'b.mp4'], tmp_path / 'store', CPU)
    rest = [extract_videos(config, [videos], tmp_path / 'store', CPU) for _ in range(2)]

    alone = VideoEncoder(door.inferencer.model, rate_fps=2.0)
    expected = alone.encode_one(videos / 'a.mp4', tmp_path / 'a.safetensors')
    features = FeatureStore(tmp_path / 'store', alone.provenance).open('a')
    assert (first, rest) == (2, [3, 0])
    assert stored(tmp_path / 'store') == list(NAMES)
    assert features.provenance == expected.provenance
    assert features.read().patches.equal(expected.read().patches)
    for key in ('crop', 'mean', 'std', 'layer', 'stgr_version'):
        assert features.provenance[key]


def test_a_store_of_files_goes_on_with_files(config, videos, door, tmp_path):
    store = tmp_path / 'store'
    VideoEncoder(door.inferencer.model, rate_fps=2.0).encode_one(
        videos / 'a.mp4', store / 'a.safetensors'
    )

    assert extract_videos(config, [videos], store, CPU) == 4
    assert sorted(path.name for path in store.iterdir()) == [f'{n}.safetensors' for n in NAMES]


def test_a_failed_video_is_tried_again_only_when_asked(
    config, videos, tiny_video, tmp_path, capsys
):
    (videos / 'c.mp4').write_bytes(b'')
    store = tmp_path / 'store'
    with pytest.raises(ValueError, match='1 of 5 videos could not be encoded'):
        extract_videos(config, [videos], store, CPU)
    shutil.copy(tiny_video, videos / 'c.mp4')

    again = extract_videos(config, [videos], store, CPU)
    said = capsys.readouterr().err
    retried = extract_videos(config, [videos], store, ExtractionSettings('cpu', 2.0, True, True))

    assert (again, retried) == (0, 1)
    assert '1 videos left out that failed before' in said
    assert stored(store) == list(NAMES)
    assert (store / 'failed.jsonl').read_text() == ''


def test_failures_are_listed_with_path_and_reason(config, videos, tmp_path):
    (videos / 'c.mp4').write_bytes(b'crack an egg')
    with pytest.raises(ValueError, match='1 of 5'):
        extract_videos(config, [videos], tmp_path / 'store', CPU)

    entry = json.loads((tmp_path / 'store' / 'failed.jsonl').read_text())

    assert (entry['video'], entry['path']) == ('c', str(videos / 'c.mp4'))
    assert 'not a readable video' in entry['reason']


def test_frames_alone_are_stored_where_patches_are_not_wanted(config, videos, tmp_path, capfd):
    arguments = [
        'extract',
        str(config),
        str(videos),
        '--out',
        str(tmp_path / 'store'),
        '--fps',
        '2',
    ]

    assert main([*arguments, '--no-patches', '--device', 'cpu']) == 0
    assert capfd.readouterr().out == 'encoded 5 videos\n'
    assert not FeatureStore(tmp_path / 'store').open('a').has_patches
    assert main([*arguments, '--device', 'cpu']) == 1
    assert 'holds frames only, but patches are to be added' in capfd.readouterr().err


def test_a_flipped_bit_is_found_by_the_command(config, videos, tmp_path, capfd):
    extract_videos(config, [videos], tmp_path / 'store', CPU)
    verify = ['extract', str(config), '--out', str(tmp_path / 'store'), '--verify']
    assert main(verify) == 0
    assert capfd.readouterr().out == '1 files are whole\n'
    (shard,) = (tmp_path / 'store' / 'shards').glob('*.safetensors')
    data = bytearray(shard.read_bytes())
    data[-1] ^= 1
    shard.write_bytes(data)

    assert main(verify) == 1
    assert f'1 of 1 files are damaged; delete them and run stgr extract again: {shard}' in (
        capfd.readouterr().err
    )


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['v'], 'VIDEO and --out STORE together'),
        (['--out', 'store'], 'VIDEO and --out STORE together'),
        (['v', '--out', 'store'], 'give the rate with --fps'),
        (['--verify', '--out', 'nothing'], 'nothing holds no features'),
    ],
)
def test_what_cannot_be_done_is_said(config, arguments, message, capfd):
    assert main(['extract', str(config), *arguments]) == 1
    assert message in capfd.readouterr().err


def test_every_video_has_one_process_whatever_their_number():
    names = [f'video {n}' for n in range(600)]

    for world_size in (1, 2, 3, 7):
        owners = [[in_share(n, rank, world_size) for rank in range(world_size)] for n in names]
        assert all(sum(owner) == 1 for owner in owners)
        assert min(map(sum, zip(*owners, strict=True))) > 600 / world_size / 2


def start(config, videos, store, rank, world_size, launcher='pytorch'):
    """Start one of several processes; no process group is joined, so there is no address."""
    variables = ('SLURM_PROCID', 'SLURM_NTASKS') if launcher == 'slurm' else ('RANK', 'WORLD_SIZE')
    own = dict(zip(variables, (str(rank), str(world_size)), strict=True))
    if launcher == 'pytorch':
        own['LOCAL_RANK'] = str(rank)
    root = str(Path(extract.__file__).parents[2])
    return subprocess.Popen(
        [sys.executable, '-m', 'stgr.cli', 'extract', str(config), str(videos), '--out', str(store),
         '--fps', '2', '--device', 'cpu', '--launcher', launcher],
        env={**os.environ, **own, 'PYTHONPATH': root}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.dist
@pytest.mark.slow
@pytest.mark.parametrize('launcher', ['pytorch', 'slurm'])
def test_two_processes_share_the_videos(launcher, config, videos, tmp_path):
    ranks = [start(config, videos, tmp_path / 'store', rank, 2, launcher) for rank in range(2)]
    said = [process.communicate(timeout=200)[0] for process in ranks]

    shares = [sum(in_share(name, rank, 2) for name in NAMES) for rank in range(2)]
    assert said == [f'encoded {share} videos\n' for share in shares]
    assert min(shares) > 0
    assert stored(tmp_path / 'store') == list(NAMES)
    assert extract_videos(config, [videos], tmp_path / 'store', CPU) == 0


KILLED = """
import os, signal, sys
from stgr.cli import main
from stgr.io.store_writer import StoreWriter
add, done = StoreWriter.add, []

def add_then_die(self, video_id):
    add(self, video_id)
    done.append(video_id)
    if len(done) == 3:
        os.kill(os.getpid(), signal.SIGKILL)

StoreWriter.add = add_then_die
main(['extract', sys.argv[1], sys.argv[2], '--out', sys.argv[3], '--fps', '2', '--device', 'cpu'])
"""


@pytest.mark.dist
def test_a_killed_extractor_is_resumed_by_any_number_of_processes(
    config, videos, tmp_path, monkeypatch
):
    store = tmp_path / 'store'
    root = str(Path(extract.__file__).parents[2])
    killed = subprocess.run(
        [sys.executable, '-c', KILLED, str(config), str(videos), str(store)],
        env={**os.environ, 'PYTHONPATH': root}, check=False, timeout=200,
    )  # fmt: skip
    assert killed.returncode == -signal.SIGKILL

    counts = []
    for rank in range(3):
        for name, value in (('RANK', rank), ('WORLD_SIZE', 3), ('LOCAL_RANK', rank)):
            monkeypatch.setenv(name, str(value))
        settings = ExtractionSettings(device='cpu', rate_fps=2.0, launcher='pytorch')
        counts.append(extract_videos(config, [videos], store, settings))

    assert sum(counts) == 2  # three were encoded before the end
    assert stored(store) == list(NAMES)
    assert verify_stores(config, store) == len(list((store / 'shards').glob('*.safetensors')))


def test_time_left_is_told_in_a_log(monkeypatch):
    now = iter([0.0, 0.0, 40.0, 80.0, 90.0, 200.0])
    monkeypatch.setattr('stgr.apis.progress_lines.time.monotonic', lambda: next(now))
    said = []

    assert list(lines('encoding', said.append, every_sec=60)('abcde', 5)) == list('abcde')

    # two in 80 s leave 120 s for three; four in 200 s leave 50 s for one
    assert said == ['encoding: 2 of 5, 0:02:00 left', 'encoding: 4 of 5, 0:00:50 left']


@pytest.mark.parametrize('rate', ['0', '-1', 'nan', 'inf'])
def test_a_rate_that_is_none_leaves_no_store(rate, config, videos, tmp_path, capfd):
    argv = ['extract', str(config), str(videos), '--out', str(tmp_path / 'store'), f'--fps={rate}']

    assert main(argv) == 1

    assert 'rate_fps (--fps) must be a number > 0' in capfd.readouterr().err
    assert not (tmp_path / 'store').exists()
