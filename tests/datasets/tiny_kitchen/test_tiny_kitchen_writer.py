import hashlib
import json

import pytest

from stgr.datasets.tiny_kitchen import writer
from stgr.datasets.tiny_kitchen.writer import make_tiny_kitchen, split_sizes

TEST_VIDEO = 'test/videos/tk18_test_00000.mp4'


def manifest_files(folder):
    return json.loads((folder / 'manifest.json').read_text())['files']


def videos(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob('*.mp4')}


@pytest.mark.parametrize(
    ('n_videos', 'sizes'),
    [
        (4, (2, 1, 1)),  # the fewest: at least one of each
        (9, (7, 1, 1)),
        (10, (7, 1, 2)),
        (200, (140, 20, 40)),
        (100_000, (70_000, 10_000, 20_000)),
    ],
)
def test_splits_are_about_70_10_and_20_percent(n_videos, sizes):
    assert split_sizes(n_videos) == dict(zip(('train', 'val', 'test'), sizes, strict=True))


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        ({'n_videos': 3}, 'at least 4 videos, but got 3'),
        ({'n_videos': 4, 'seed': -1}, 'seed must be at least 0, but got -1'),
    ],
)
def test_impossible_worlds_are_refused_before_anything_is_written(tmp_path, settings, message):
    with pytest.raises(ValueError, match=message):
        make_tiny_kitchen(tmp_path / 'world', **settings)

    assert not (tmp_path / 'world').exists()


def test_the_manifest_names_every_file_with_its_checksum(world):
    files = manifest_files(world)

    seen = {path.relative_to(world).as_posix() for path in world.glob('*/*.json')}
    seen |= {'groups.json'}
    seen |= {path.relative_to(world).as_posix() for path in world.rglob('*.mp4')}
    assert set(files) == seen
    for name, checksum in files.items():
        assert hashlib.sha256((world / name).read_bytes()).hexdigest() == checksum, name


def test_a_second_call_writes_no_video_and_draws_no_script(make_again, written, monkeypatch):
    monkeypatch.setattr(writer, 'write_script', None)  # drawing one takes a tenth of a second
    make, folder = make_again
    manifest = (folder / 'manifest.json').read_bytes()

    make()

    assert written == []
    assert (folder / 'manifest.json').read_bytes() == manifest


def test_only_a_deleted_video_is_written_again_to_the_same_bytes(make_again, world, written):
    make, folder = make_again
    (folder / TEST_VIDEO).unlink()
    (folder / 'manifest.json').unlink()

    make()

    assert written == ['tk18_test_00000.mp4']
    assert (folder / 'manifest.json').read_bytes() == (world / 'manifest.json').read_bytes()
    assert (folder / TEST_VIDEO).read_bytes() == (world / TEST_VIDEO).read_bytes()


def test_a_truncated_video_is_written_again(make_again, world, written):
    make, folder = make_again
    (folder / TEST_VIDEO).write_bytes((world / TEST_VIDEO).read_bytes()[:-100])

    make()

    assert written == ['tk18_test_00000.mp4']
    assert videos(folder) == videos(world)


def test_a_call_stopped_between_videos_goes_on_where_it_stopped(make_again, world, written):
    make, folder = make_again
    for name in ('manifest.json', 'val/videos/tk18_val_00000.mp4', TEST_VIDEO):
        (folder / name).unlink()

    def stop_after_three(items, total):
        for _ in range(total - 1):
            yield next(items)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make(progress=stop_after_three)
    stopped = set(folder.rglob('*.mp4')), (folder / 'manifest.json').exists()
    make()

    assert stopped == ({folder / name for name in videos(world)} - {folder / TEST_VIDEO}, False)
    assert written == ['tk18_val_00000.mp4', 'tk18_test_00000.mp4']
    assert (folder / 'manifest.json').read_bytes() == (world / 'manifest.json').read_bytes()


def test_a_call_stopped_in_a_video_leaves_nothing_of_it(make_again, monkeypatch):
    make, folder = make_again
    (folder / TEST_VIDEO).unlink()
    render, drawn = writer.render, []

    def stop_at_the_30th(shot, time_sec):
        drawn.append(time_sec)
        if len(drawn) == 30:
            raise KeyboardInterrupt
        return render(shot, time_sec)

    monkeypatch.setattr(writer, 'render', stop_at_the_30th)
    with pytest.raises(KeyboardInterrupt):
        make()

    left = {path.name for path in (folder / 'test' / 'videos').iterdir()}
    assert left == {'.tk18_test_00000.json'}  # the note of the video that was deleted


def test_what_a_killed_call_left_unfinished_is_removed(make_again):
    make, folder = make_again
    (folder / TEST_VIDEO).unlink()
    unfinished = (folder / TEST_VIDEO).with_name('.tk18_test_00000.mp4.4711.part')
    unfinished.write_bytes(b'half a video')

    make()

    assert not unfinished.exists()
    assert (folder / TEST_VIDEO).exists()


@pytest.mark.parametrize('other', [{'seed': 19}, {'n_videos': 5}])
def test_a_folder_of_another_world_is_refused_and_not_changed(make_again, world, written, other):
    make, folder = make_again

    with pytest.raises(
        ValueError, match=r'holds a TinyKitchen made with .*; choose another folder'
    ):
        make(**other)

    assert written == []
    assert (folder / 'settings.json').read_bytes() == (world / 'settings.json').read_bytes()


def test_other_files_in_the_folder_are_not_in_the_manifest(make_again, world):
    make, folder = make_again
    (folder / 'features').mkdir()
    (folder / 'features' / 'notes.json').write_text('{}')

    make()

    assert (folder / 'manifest.json').read_bytes() == (world / 'manifest.json').read_bytes()


def test_the_progress_bar_is_told_the_number_of_videos(make_again):
    make, _ = make_again
    totals = []

    make(progress=lambda items, total: totals.append(total) or items)

    assert totals == [4]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_two_processes_write_the_same_bytes_as_one(tmp_path):
    one, two = tmp_path / 'one', tmp_path / 'two'

    make_tiny_kitchen(one, n_videos=4, seed=18)
    make_tiny_kitchen(two, n_videos=4, seed=18, n_workers=2)

    assert videos(one) == videos(two)
    assert (one / 'manifest.json').read_bytes() == (two / 'manifest.json').read_bytes()


def test_a_failing_progress_bar_stops_the_other_processes(tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(writer, '_run', lambda make, jobs, n_workers: endless(made))

    def fail(items, total):
        yield next(items)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as stopped:  # its traceback keeps the generators alive
        make_tiny_kitchen(tmp_path, n_videos=4, n_workers=2, progress=fail)

    assert stopped.tb is not None
    assert made == ['first', 'closed']


def endless(made):
    """Stand in for the pool: say when it is closed."""
    try:
        while True:
            made.append('first')
            yield {}
    finally:
        made.append('closed')
