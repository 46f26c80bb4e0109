"""Folders of answers: one per video, a summary, and nothing asked twice."""

import csv
import errno
import gc
import os
import shutil
import weakref
from dataclasses import replace
from pathlib import Path

import av
import pytest

from stgr.apis.ground_videos import GroundingJob, ground_videos, read_actions
from stgr.apis.grounder import Grounder
from stgr.io.results import load_result, save_result

QUERY = 'flip it over'


@pytest.fixture(autouse=True)
def asked(monkeypatch):
    """The videos that were really asked about; pictures are left out of the answers."""
    names = []
    ground = Grounder.ground

    def counting(self, video, **question):
        names.append(video.name)
        return ground(self, video, **question)

    def save(result, out_dir, **_):
        save_result(result, out_dir)
        (out_dir / 'report.html').touch()

    monkeypatch.setattr(Grounder, 'ground', counting)
    monkeypatch.setattr(Grounder, 'save', staticmethod(save))
    return names


@pytest.fixture
def job(tiny_model):
    config, weights = tiny_model
    return GroundingJob(queries=(QUERY,), model=str(config), weights=weights, device='cpu')


@pytest.fixture
def folder(tiny_video, tmp_path):
    """Three files: a video, one that is none, and the first again."""
    folder = tmp_path / 'videos'
    folder.mkdir()
    for name in ('a.mp4', 'c.mp4'):
        shutil.copy(tiny_video, folder / name)
    (folder / 'b.mp4').write_bytes(b'this is no video')
    return folder


def summary(out_dir):
    with (out_dir / 'summary.csv').open(newline='') as file:
        return list(csv.DictReader(file))


def test_one_video_is_answered_in_the_folder_itself(job, tiny_video, tmp_path):
    said = []

    folders = ground_videos(job, [tiny_video], tmp_path / 'out', say=said.append)

    assert folders == [tmp_path / 'out']
    (span,) = load_result(tmp_path / 'out').queries[0].spans
    assert (span.start_sec, span.end_sec) == (0, 3)
    assert said[0].startswith('"flip it over": 0.0-3.0 s (similarity ')
    assert said[1] == f'answers in {tmp_path / "out"}'
    assert not (tmp_path / 'out' / 'summary.csv').exists()


def test_the_only_video_of_a_folder_keeps_its_place_when_another_comes(job, folder, tmp_path):
    out = tmp_path / 'out'
    for name in ('b.mp4', 'c.mp4'):
        (folder / name).rename(tmp_path / name)

    assert ground_videos(job, [folder], out, say=lambda line: None) == [out / 'a']
    written = (out / 'a' / 'report.html').stat().st_mtime_ns
    (tmp_path / 'c.mp4').rename(folder / 'c.mp4')
    assert ground_videos(job, [folder], out, say=lambda line: None) == [out / 'a', out / 'c']

    assert sorted(path.name for path in out.iterdir()) == ['a', 'c', 'summary.csv']
    assert (out / 'a' / 'report.html').stat().st_mtime_ns == written


def test_several_videos_have_a_folder_each_and_a_summary(job, folder, tmp_path):
    (folder / 'b.mp4').unlink()
    out = tmp_path / 'out'

    assert ground_videos(job, [folder], out, say=lambda line: None) == [out / 'a', out / 'c']

    assert sorted(path.name for path in out.iterdir()) == ['a', 'c', 'summary.csv']
    rows = summary(out)
    assert [(row['video'], row['query'], row['found']) for row in rows] == [
        (str(folder / name), QUERY, 'yes') for name in ('a.mp4', 'c.mp4')
    ]
    assert (rows[0]['start_sec'], rows[0]['end_sec']) == ('0.000', '3.000')


def test_unreadable_video_is_named_while_the_others_are_answered(job, folder, tmp_path):
    said, out = [], tmp_path / 'out'

    with pytest.raises(ValueError, match='1 of 3 videos could not be answered'):
        ground_videos(job, [folder], out, say=said.append)

    assert any(line.startswith(f'{folder / "b.mp4"}: ') for line in said)
    assert (out / 'a' / 'result.json').exists()
    assert (out / 'c' / 'result.json').exists()
    assert not (out / 'b').exists()
    assert [bool(row['note']) for row in summary(out)] == [False, True, False]


def test_summary_is_written_even_if_no_video_could_be_answered(job, folder, tmp_path):
    missing = [folder / 'b.mp4', folder / 'missing.mp4']

    with pytest.raises(ValueError, match='2 of 2 videos'):
        ground_videos(job, missing, tmp_path / 'out', say=lambda line: None)

    assert all(row['note'] for row in summary(tmp_path / 'out'))


@pytest.fixture
def fail_on_b(folder, monkeypatch):
    """Return a function that makes the second of three videos fail with an error."""
    shutil.copy(folder / 'a.mp4', folder / 'b.mp4')

    def fail(error):
        ground = Grounder.ground

        def failing(self, video, **question):
            if video.name == 'b.mp4':
                raise error
            return ground(self, video, **question)

        monkeypatch.setattr(Grounder, 'ground', failing)

    return fail


UNEXPECTED = {
    'ExternalError: bad codec': av.ExternalError(1, 'bad codec'),
    'AttributeError: no decoder': AttributeError('no decoder'),
    'RuntimeError: out of memory': RuntimeError('out of\nmemory'),
}


@pytest.mark.parametrize('reason', UNEXPECTED)
def test_no_error_of_one_video_loses_the_others(reason, fail_on_b, job, folder, tmp_path):
    fail_on_b(UNEXPECTED[reason])
    kind, message = reason.split(': ')
    said, out = [], tmp_path / 'out'

    with pytest.raises(ValueError, match='1 of 3 videos could not be answered'):
        ground_videos(job, [folder], out, say=said.append)

    (line,) = (line for line in said if line.startswith(f'{folder / "b.mp4"}: {kind}: '))
    assert message in line
    assert '\n' not in line
    assert [row['found'] for row in summary(out)] == ['yes', '', 'yes']


def test_debugging_stops_at_the_first_error(fail_on_b, job, folder, tmp_path, monkeypatch):
    monkeypatch.setenv('STGR_DEBUG', '1')
    fail_on_b(RuntimeError('seen'))

    with pytest.raises(RuntimeError, match='seen'):
        ground_videos(job, [folder], tmp_path / 'out', say=lambda line: None)


def test_interrupted_batch_has_a_summary_of_what_was_done(fail_on_b, job, folder, tmp_path):
    fail_on_b(KeyboardInterrupt())

    with pytest.raises(KeyboardInterrupt):
        ground_videos(job, [folder], tmp_path / 'out', say=lambda line: None)

    assert [row['video'] for row in summary(tmp_path / 'out')] == [str(folder / 'a.mp4')]


def test_batch_interrupted_at_once_leaves_the_older_summary(job, folder, tmp_path, monkeypatch):
    ground_videos(job, [folder / 'a.mp4', folder / 'c.mp4'], tmp_path, say=lambda line: None)

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(Grounder, 'ground', interrupt)
    with pytest.raises(KeyboardInterrupt):
        ground_videos(job, [folder], tmp_path, fresh=True, say=lambda line: None)

    assert len(summary(tmp_path)) == 2


def test_full_disk_ends_the_batch(fail_on_b, job, folder, tmp_path, asked):
    fail_on_b(OSError(errno.ENOSPC, 'No space left for this file', 'overlay.mp4'))
    said, out = [], tmp_path / 'out'

    with pytest.raises(ValueError, match='the disk is full: 1 of 3 videos could') as caught:
        ground_videos(job, [folder], out, say=said.append)

    assert str(caught.value).endswith('and 1 more was not tried; free some')
    assert asked == ['a.mp4']
    assert any(line.startswith(f'{folder / "b.mp4"}: ') for line in said)
    assert [row['video'] for row in summary(out)] == [
        str(folder / name) for name in ('a.mp4', 'b.mp4')
    ]


def test_name_of_a_video_is_said_once(job, folder, tmp_path):
    said = []

    with pytest.raises(ValueError, match='1 of 3'):
        ground_videos(job, [folder], tmp_path / 'out', say=said.append)

    (line,) = (line for line in said if str(folder / 'b.mp4') in line)
    assert line.count(str(folder / 'b.mp4')) == 1


def test_answers_do_not_pile_up_in_memory(job, folder, tmp_path, monkeypatch):
    (folder / 'b.mp4').unlink()
    alive, kept = [], []
    ground = Grounder.ground

    def watching(self, video, **question):
        gc.collect()
        alive.append(sum(each() is not None for each in kept))
        result = ground(self, video, **question)
        kept.append(weakref.ref(result.queries[0].heatmaps))
        return result

    monkeypatch.setattr(Grounder, 'ground', watching)
    ground_videos(job, [folder], tmp_path / 'out', say=lambda line: None)

    assert alive == [0, 0]


def test_home_folder_in_the_name_of_the_weights_is_found(job, tiny_video, tmp_path, monkeypatch):
    monkeypatch.setenv('HOME', str(job.weights.parent))
    job = replace(job, weights=Path('~') / job.weights.name)

    assert ground_videos(job, [tiny_video], tmp_path / 'out', say=lambda line: None)


def test_answered_videos_are_not_asked_again(job, folder, tmp_path, asked):
    (folder / 'b.mp4').unlink()
    for _ in range(2):
        ground_videos(job, [folder], tmp_path / 'out', say=lambda line: None)

    assert asked == ['a.mp4', 'c.mp4']
    assert [row['found'] for row in summary(tmp_path / 'out')] == ['yes', 'yes']


CHANGES = {
    'another query': lambda job: GroundingJob(**{**vars(job), 'queries': (QUERY, 'fry it')}),
    'another threshold': lambda job: GroundingJob(**{**vars(job), 'threshold': 2.0}),
    'another rate': lambda job: GroundingJob(**{**vars(job), 'rate_fps': 1.0}),
    'a pool': lambda job: GroundingJob(**{**vars(job), 'queries': (), 'actions': (QUERY,)}),
}


@pytest.mark.parametrize('change', CHANGES)
def test_another_question_is_asked_anew(change, job, tiny_video, tmp_path, asked):
    for each in (job, CHANGES[change](job)):
        ground_videos(each, [tiny_video], tmp_path, say=lambda line: None)

    assert len(asked) == 2


def test_an_edited_config_is_asked_anew(job, tiny_video, tmp_path, asked):
    config, text = tmp_path / 'own.py', Path(job.model).read_text(encoding='utf-8')
    for edited in (
        text,
        text.replace('dim=8),\n    loss', 'dim=8, scale_at_eval=False),\n    loss'),
    ):
        config.write_text(edited, encoding='utf-8')
        own = replace(job, model=str(config))
        ground_videos(own, [tiny_video], tmp_path / 'out', say=lambda line: None)

    assert edited != text
    assert len(asked) == 2


def damage(out, video):
    (out / 'result.json').write_text('{')


def interrupt(out, video):
    (out / 'report.html').unlink()


def renew_video(out, video):
    later = (out / 'report.html').stat().st_mtime + 5
    os.utime(video, (later, later))


@pytest.mark.parametrize('spoil', [damage, interrupt, renew_video])
def test_answer_that_is_damaged_unfinished_or_older_is_replaced(
    spoil, job, folder, tmp_path, asked
):
    out, video = tmp_path / 'out', folder / 'a.mp4'
    ground_videos(job, [video], out, say=lambda line: None)

    spoil(out, video)
    ground_videos(job, [video], out, say=lambda line: None)

    assert asked == ['a.mp4', 'a.mp4']
    assert load_result(out).queries[0].found


def test_interrupted_replacement_does_not_pass_for_the_new_answer(
    job, tiny_video, tmp_path, asked, monkeypatch
):
    ground_videos(job, [tiny_video], tmp_path, say=lambda line: None)
    monkeypatch.setattr(Grounder, 'save', staticmethod(lambda result, out_dir, **_: 1 / 0))

    with pytest.raises(ZeroDivisionError):
        ground_videos(job, [tiny_video], tmp_path, fresh=True, say=lambda line: None)

    assert not (tmp_path / 'report.html').exists()


def test_fresh_asks_again(job, tiny_video, tmp_path, asked):
    for _ in range(2):
        ground_videos(job, [tiny_video], tmp_path, fresh=True, say=lambda line: None)

    assert len(asked) == 2


def test_videos_of_one_name_are_told_apart_by_ending_or_refused(job, tiny_video, tmp_path):
    twins = [shutil.copy(tiny_video, tmp_path / name) for name in ('x.mp4', 'x.mkv')]
    (tmp_path / 'other').mkdir()
    same = shutil.copy(tiny_video, tmp_path / 'other' / 'x.mp4')

    with pytest.raises(ValueError, match=r'several videos are called x\.mp4; rename them'):
        ground_videos(job, [*twins, same], tmp_path / 'out', say=print)
    ground_videos(job, twins, tmp_path / 'out', say=lambda line: None)

    assert {path.name for path in (tmp_path / 'out').iterdir()} == {'x.mp4', 'x.mkv', 'summary.csv'}


@pytest.mark.parametrize(
    ('change', 'error', 'message'),
    [
        ({'queries': ()}, ValueError, 'at least one query or action'),
        ({'actions': ('fry it',)}, ValueError, 'a pool of actions, but got both'),
        ({'videos': []}, ValueError, 'no videos in'),
        ({'out': __file__}, NotADirectoryError, 'is a file; give a folder'),
        ({'out': f'{__file__}/a/b'}, NotADirectoryError, r'test_ground_videos\.py is a file; give'),
    ],
)
def test_bad_request_fails_before_the_model_is_loaded(
    change, error, message, job, tiny_video, tmp_path, monkeypatch
):
    monkeypatch.setattr(Grounder, '__init__', None)
    asked = {k: v for k, v in change.items() if k in vars(job)}
    videos = change.get('videos', [tiny_video])
    out = type(tmp_path)(change.get('out', tmp_path / 'out'))

    with pytest.raises(error, match=message):
        ground_videos(GroundingJob(**{**vars(job), **asked}), videos, out, say=print)


def test_folder_that_cannot_be_written_is_named_before_the_model_is_loaded(
    job, tiny_video, tmp_path, monkeypatch
):
    monkeypatch.setattr(Grounder, '__init__', None)
    access = os.access  # the superuser may write everywhere
    monkeypatch.setattr(os, 'access', lambda path, mode: path != tmp_path and access(path, mode))

    with pytest.raises(PermissionError, match='cannot be written to; give another') as caught:
        ground_videos(job, [tiny_video], tmp_path / 'a' / 'b', say=print)

    assert f'{tmp_path} ' in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_actions_are_lines_that_are_not_blank(tmp_path):
    file = tmp_path / 'actions.txt'
    file.write_text('\ufeffcrack an egg\n\n  fry it \n', encoding='utf-8')

    assert read_actions(file) == ('crack an egg', 'fry it')


@pytest.mark.parametrize(
    ('content', 'message'), [(b' \n\n', 'names no action'), (b'\xff\xfe\x00', 'no UTF-8 text')]
)
def test_file_without_actions_is_refused(content, message, tmp_path):
    (tmp_path / 'actions.txt').write_bytes(content)

    with pytest.raises(ValueError, match=message):
        read_actions(tmp_path / 'actions.txt')
