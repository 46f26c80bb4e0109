"""Folders of videos become training data, once; what cannot be used is said and counted."""

import json
import os
import signal
import subprocess
import sys
import types
import unicodedata
from pathlib import Path

import pytest

from stgr.apis import prepare as prepare_module
from stgr.apis.prepare import PreparationSettings, prepare
from stgr.cli import main
from stgr.datasets import HowTo100M
from stgr.io.file_locks import FileLock
from stgr.preparation import CaptionLimits, SplitRule

SAID = 'now we crack the egg into the bowl and then we whisk it with a fork so that it is smooth'
GERMAN = 'jetzt schlagen wir das Ei in die Schüssel und dann rühren wir es mit der Gabel nicht '
GERMAN += 'zu lange und geben noch Milch auf den Teig'


def srt(*texts):
    """Return a caption per second."""
    return ''.join(
        f'{i}\n00:00:0{i - 1},000 --> 00:00:0{i},000\n{text}\n\n' for i, text in enumerate(texts, 1)
    )


@pytest.fixture
def folder(tmp_path, tiny_video):
    """Six videos of three seconds, links to one file, with a subtitle file each."""
    folder = tmp_path / 'videos'
    folder.mkdir()
    for i in range(6):
        (folder / f'egg_{i}.mp4').symlink_to(tiny_video)
        (folder / f'egg_{i}.srt').write_text(srt(f'crack egg {i}', 'whisk it well', '[Music]'))
    return folder


@pytest.fixture
def out(tmp_path):
    return tmp_path / 'data'


@pytest.fixture
def looked_at(monkeypatch):
    """Return the list of videos that are prepared from now on."""
    names = []
    prepare_video = prepare_module.prepare_video

    def noted(video, *args, **kwargs):
        names.append(video.name)
        return prepare_video(video, *args, **kwargs)

    monkeypatch.setattr(prepare_module, 'prepare_video', noted)
    return names


def read(path):
    return json.loads(path.read_bytes())


def test_every_video_is_in_one_split_and_readable_as_howto100m(folder, out):
    done = prepare([folder], out)

    captions = {split: read(out / f'{split}.json') for split in ('train', 'val', 'test')}
    assert sorted(v for of_split in captions.values() for v in of_split) == sorted(done.splits)
    assert len(done.splits) == 6
    assert captions[done.splits['egg_3']]['egg_3'] == {
        'start': [0.0, 1.0], 'end': [1.0, 2.0], 'text': ['crack egg 3', 'whisk it well'],
    }  # fmt: skip
    clips = HowTo100M(str(out), 'train.json', 'videos.json', durations='durations.json')
    assert len(clips) == 2 * len(captions['train'])
    assert Path(clips[0]['video_path']).parent == folder
    assert clips[0]['duration_sec'] == pytest.approx(3, abs=0.01)


def test_statistics_are_those_counted_by_hand(folder, out):
    (folder / 'egg_5.srt').unlink()

    numbers = prepare([folder], out).statistics

    assert numbers == read(out / 'statistics.json')
    assert numbers['videos'] == {'found': 6, 'used': 5, 'unreadable': 0, 'without subtitles': 1}
    assert numbers['cues'] == {'read': 15, 'nothing said': 5}
    assert numbers['all']['captions'] == 10
    assert numbers['all']['words'] == 5 * (3 + 3)
    assert numbers['all']['narrated share'] == pytest.approx(2 / 3, abs=0.01)


def test_a_second_run_looks_only_at_what_is_new_or_changed(folder, out, looked_at, tiny_video):
    first = prepare([folder], out)
    looked_at.clear()
    (folder / 'new.mp4').symlink_to(tiny_video)
    (folder / 'new.srt').write_text(srt('slice the bread'))
    (folder / 'egg_2.srt').write_text(srt('poach the egg instead'))

    second = prepare([folder], out)

    assert looked_at == ['egg_2.mp4', 'new.mp4']
    assert second.prepared == 2
    assert {v: second.splits[v] for v in first.splits} == first.splits
    assert read(out / f'{second.splits["egg_2"]}.json')['egg_2']['text'] == [
        'poach the egg instead'
    ]


def test_other_settings_prepare_all_anew(folder, out, looked_at):
    prepare([folder], out)
    looked_at.clear()

    prepare([folder], out, PreparationSettings(limits=CaptionLimits(min_words=1)))

    assert len(looked_at) == 6


def test_moved_videos_are_known_and_found_where_they_are(folder, out, looked_at, tmp_path):
    prepare([folder], out)
    looked_at.clear()
    moved = folder.rename(tmp_path / 'moved')

    prepare([moved], out)

    assert looked_at == []
    assert {Path(path).parent for path in read(out / 'videos.json').values()} == {moved}


def test_a_video_that_is_gone_is_left_out_and_told(folder, out):
    prepare([folder], out)
    (folder / 'egg_0.mp4').unlink()

    done = prepare([folder], out)

    assert done.gone == ('egg_0',)
    assert 'egg_0' not in read(out / 'videos.json')


def test_a_killed_run_keeps_what_it_had_and_the_next_goes_on(folder, out, looked_at):
    script = (
        'import os, signal, sys\n'
        'from stgr.apis import prepare as p\n'
        'real, seen = p.prepare_video, []\n'
        'def dying(*args, **kwargs):\n'
        '    seen.append(1)\n'
        '    if len(seen) == 4: os.kill(os.getpid(), signal.SIGKILL)\n'
        '    return real(*args, **kwargs)\n'
        'p.prepare_video = dying\n'
        'p.prepare([sys.argv[1]], sys.argv[2])\n'
    )
    root = str(Path(prepare_module.__file__).parents[2])
    killed = subprocess.run(
        [sys.executable, '-c', script, str(folder), str(out)],
        env={**os.environ, 'PYTHONPATH': root}, check=False, capture_output=True,
    )  # fmt: skip
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not (out / 'train.json').exists()

    done = prepare([folder], out)

    assert looked_at == ['egg_3.mp4', 'egg_4.mp4', 'egg_5.mp4']
    assert len(done.splits) == 6


def test_a_second_run_in_the_same_folder_is_refused_and_takes_nothing_away(folder, out, capfd):
    prepare([folder], out)
    (out / 'records' / '.partial-7-egg_9.json').write_text('of the other run')
    lock = FileLock(out / '.lock')

    assert main(['prepare', str(folder), '--out', str(out)]) == 1

    error = capfd.readouterr().err
    assert error == f'error: another process is writing to {out}; wait for it to end\n'
    assert (out / 'records' / '.partial-7-egg_9.json').exists()
    lock.release()
    assert main(['prepare', str(folder), '--out', str(out)]) == 0
    assert not (out / 'records' / '.partial-7-egg_9.json').exists()


def test_a_damaged_record_is_made_again(folder, out, looked_at):
    prepare([folder], out)
    looked_at.clear()
    (out / 'records' / 'egg_1.json').write_text('{"made_from"')

    assert len(prepare([folder], out).splits) == 6
    assert looked_at == ['egg_1.mp4']


def test_what_fails_costs_itself_only_and_is_listed_with_the_reason(folder, out, looked_at):
    (folder / 'egg_0.mp4').unlink()
    (folder / 'egg_0.mp4').write_bytes(b'no video')
    (folder / 'egg_1.srt').write_bytes(b'\0\0\0')

    done = prepare([folder], out)

    assert sorted(done.failed) == ['egg_0', 'egg_1']
    lines = [json.loads(line) for line in (out / 'failed.jsonl').read_text().splitlines()]
    assert [line['video'] for line in lines] == ['egg_0', 'egg_1']
    assert 'zero bytes' in lines[1]['reason']
    assert len(done.splits) == 4
    looked_at.clear()
    prepare([folder], out)
    assert looked_at == []
    (folder / 'egg_1.srt').write_text(srt('whisk it well'))
    assert list(prepare([folder], out).failed) == ['egg_0']
    assert list(prepare([folder], out, PreparationSettings(retry_failed=True)).failed) == ['egg_0']
    assert looked_at == ['egg_1.mp4', 'egg_0.mp4']


def test_two_videos_of_one_name_are_both_left_out(folder, out, tiny_video):
    (folder / 'more').mkdir()
    (folder / 'more' / 'egg_0.mp4').symlink_to(tiny_video)

    done = prepare([folder], out)

    assert list(done.failed) == ['egg_0']
    assert 'rename one' in done.failed['egg_0']


def test_links_to_nothing_and_folders_called_as_subtitles_cost_themselves_only(folder, out):
    (folder / 'egg_0.mp4').unlink()
    (folder / 'egg_0.mp4').symlink_to('/nowhere/egg_0.mp4')
    (folder / 'egg_1.srt').unlink()
    (folder / 'egg_1.srt').symlink_to('/nowhere/egg_1.srt')
    (folder / 'egg_2.srt').unlink()
    (folder / 'egg_2.srt').mkdir()

    done = prepare([folder], out)

    assert sorted(done.splits) == ['egg_3', 'egg_4', 'egg_5']
    assert done.failed == {
        'egg_0': f'{folder}/egg_0.mp4: cannot be opened (No such file or directory)',
        'egg_1': f'{folder}/egg_1.srt: cannot be opened (No such file or directory)',
        'egg_2': f'{folder}/egg_2.srt: cannot be read (Is a directory)',
    }
    assert done.statistics['videos']['found'] == 6


def test_commonest_words_are_counted_without_their_commas(folder, out):
    for file in folder.glob('*.srt'):
        file.write_text(srt('Crack it, and, (well) whisk it', 'whisk, then crack'))

    done = prepare([folder], out)

    words = {'crack': 12, 'whisk': 12, 'well': 6, 'then': 6}
    assert done.statistics['commonest words'] == words


def test_subtitles_of_no_video_are_told(folder, out, capsys):
    (folder / 'subs').mkdir()
    strays = ['egg_1.en.sdh.srt', 'fish.srt', 'subs/egg_0.srt']
    for name in [*strays, 'egg_1.de.vtt', 'egg_2.mp4.srt', 'egg_3.info.json', '.egg.srt']:
        (folder / name).write_text(srt('crack an egg'))

    assert main(['prepare', str(folder), '--out', str(out)]) == 0

    assert f'3 subtitle files belong to no video beside them, such as {folder}/{strays[0]}; ' in (
        capsys.readouterr().out
    )
    assert list(prepare([folder], out).strays) == [folder / name for name in strays]


def test_an_umlaut_is_one_character_or_two(folder, out, tiny_video):
    for i, (one, other) in enumerate([('NFD', 'NFC'), ('NFC', 'NFD')]):
        (folder / f'{unicodedata.normalize(one, "Rührei")}{i}.mp4').symlink_to(tiny_video)
        subtitles = folder / f'{unicodedata.normalize(other, "Rührei")}{i}.srt'
        subtitles.write_text(srt('crack an egg'))

    done = prepare([folder], out)

    assert done.unnarrated == ()
    assert len(done.splits) == 8


@pytest.mark.parametrize('language', ['EN', 'eng'])
def test_a_language_is_the_same_by_any_code(folder, out, language):
    (folder / 'egg_2.srt').write_text(srt(SAID))

    done = prepare([folder], out, PreparationSettings(language=language))

    assert done.statistics['languages'] == {'en': 1, 'unknown': 5}


def test_videos_in_another_language_are_left_out_and_counted(folder, out):
    for i, text in enumerate([SAID, GERMAN, SAID]):
        (folder / f'egg_{i}.srt').write_text(srt(text))

    done = prepare([folder], out, PreparationSettings(language='en'))

    assert done.statistics['videos']['another language (de)'] == 1
    assert 'egg_1' not in done.splits
    assert done.statistics['languages'] == {'en': 2, 'unknown': 3}


def test_data_divided_by_another_rule_are_not_divided_anew(folder, out):
    prepare([folder], out)

    with pytest.raises(ValueError, match='take another --out'):
        prepare([folder], out, PreparationSettings(split=SplitRule(seed=1)))


def test_two_workers_prepare_what_one_does(folder, out, tmp_path):
    prepare([folder], out, PreparationSettings(workers=2))
    prepare([folder], tmp_path / 'alone')

    for name in ('train.json', 'val.json', 'test.json', 'statistics.json', 'videos.json'):
        assert read(out / name) == read(tmp_path / 'alone' / name)


class Whisper:
    """What is used of faster-whisper's ``WhisperModel``, see its ``transcribe``."""

    calls: list

    def __init__(self, model_size_or_path, device='auto', local_files_only=False):
        if model_size_or_path == 'absent':
            raise RuntimeError('Cannot find an appropriate cached snapshot folder\nand more')
        self.made = (model_size_or_path, device, local_files_only)

    def transcribe(self, audio, language=None, word_timestamps=False, vad_filter=False):
        assert word_timestamps
        assert vad_filter
        self.calls.append(Path(audio).name)
        word = types.SimpleNamespace
        words = [word(start=0.5, end=0.8, word=' Crack'), word(start=0.9, end=1.4, word=' it.')]
        segment = types.SimpleNamespace(start=0.5, end=1.4, text=' Crack it.', words=words)
        return iter([segment]), types.SimpleNamespace(language='en')


@pytest.fixture
def whisper(monkeypatch):
    fake = type('Fake', (Whisper,), {'calls': []})
    module = types.SimpleNamespace(WhisperModel=fake)
    monkeypatch.setitem(sys.modules, 'faster_whisper', module)
    monkeypatch.setattr(prepare_module, '_recognisers', {})
    return fake


@pytest.fixture
def spoken(tmp_path):
    """Two videos with sound and no subtitles."""
    import numpy as np

    from stgr.io import VideoWriter

    folder = tmp_path / 'spoken'
    folder.mkdir()
    for name in ('one', 'two'):
        sound = (np.zeros(16000, np.float32), 16000)
        with VideoWriter(folder / f'{name}.mp4', 10, (64, 48), audio=sound) as writer:
            for _ in range(20):
                writer.write(np.zeros((48, 64, 3), np.uint8))
    return folder


def test_speech_is_recognised_once_with_the_times_of_words(spoken, out, whisper, looked_at):
    settings = PreparationSettings(speech='small')
    done = prepare([spoken], out, settings)

    assert read(out / f'{done.splits["one"]}.json')['one'] == {
        'start': [0.5], 'end': [1.4], 'text': ['Crack it.'],
    }  # fmt: skip
    transcript = read(out / 'transcripts' / 'one.json')
    assert transcript['segments'][0]['words'][1] == {'start': 0.9, 'end': 1.4, 'word': ' it.'}
    assert whisper.calls == ['one.mp4', 'two.mp4']
    looser = PreparationSettings(speech='small', limits=CaptionLimits(min_words=1))
    prepare([spoken], out, looser)
    assert whisper.calls == ['one.mp4', 'two.mp4'], 'other limits do not need other ears'
    prepare([spoken], out, PreparationSettings(speech='medium'))
    assert len(whisper.calls) == 4


def test_a_silent_video_fails_alone(spoken, folder, out, whisper):
    (spoken / 'mute.mp4').symlink_to(folder / 'egg_0.mp4')

    done = prepare([spoken], out, PreparationSettings(speech='small'))

    assert 'no sound' in done.failed['mute']
    assert len(done.splits) == 2


def test_a_speech_model_that_is_not_there_ends_the_run_before_any_work(spoken, out, whisper, capfd):
    assert main(['prepare', str(spoken), '--out', str(out), '--speech', 'absent']) == 1

    error = capfd.readouterr().err
    assert error.count('\n') == 1
    assert "cannot load the speech model 'absent': Cannot find" in error
    assert list((out / 'records').iterdir()) == []


def test_missing_faster_whisper_is_a_command(spoken, out, monkeypatch, capfd):
    monkeypatch.setitem(sys.modules, 'faster_whisper', None)
    monkeypatch.setattr(prepare_module, '_recognisers', {})

    assert main(['prepare', str(spoken), '--out', str(out), '--speech', 'small']) == 1
    assert "pip install 'stgr[speech]'" in capfd.readouterr().err


def test_the_real_package_takes_what_the_fake_one_does():
    import inspect

    real = pytest.importorskip('faster_whisper').WhisperModel
    for name in ('__init__', 'transcribe'):
        wanted = set(inspect.signature(getattr(Whisper, name)).parameters)
        assert wanted <= set(inspect.signature(getattr(real, name)).parameters)


def test_the_command_says_what_was_kept_and_what_was_not(folder, out, capfd):
    (folder / 'egg_0.srt').write_bytes(b'\0\0')

    assert main(['prepare', str(folder), '--out', str(out)]) == 0

    said, error = capfd.readouterr()
    assert error == ''
    assert said.startswith('5 of 6 videos used (')
    assert 'videos left out: 1 unreadable' in said
    assert '15 cues read: 5 nothing said' in said
    assert f'stgr train --data {out}' in said


BAD = {
    'no such folder': (['nowhere'], 'no such folder or video: nowhere'),
    'shares': (['videos', '--val', '0.6', '--test', '0.4'], 'leave some to learn from'),
    'words': (['videos', '--min-words', '9', '--max-words', '3'], 'min_words <= max_words'),
    'language': (['videos', '--language', 'english'], "a code such as 'en'"),
    'workers': (['videos', '--workers', '0'], 'at least 1 worker'),
}


@pytest.mark.parametrize('name', BAD)
def test_a_mistake_is_one_line(name, folder, out, capfd, monkeypatch):
    arguments, reason = BAD[name]
    monkeypatch.chdir(folder.parent)

    assert main(['prepare', *arguments, '--out', str(out)]) == 1

    error = capfd.readouterr().err
    assert error.count('\n') == 1
    assert reason in error
    assert not out.exists()


def test_no_usable_video_is_an_error_that_counts_the_reasons(folder, out):
    for file in folder.glob('*.srt'):
        file.write_text(srt('[Music]'))

    with pytest.raises(ValueError, match=r'none of 6 videos .* 6 no usable caption'):
        prepare([folder], out)
    assert (out / 'report.html').is_file()
