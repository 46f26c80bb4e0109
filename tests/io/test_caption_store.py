"""Captions are converted once, anew when they change, and never half."""

import json
import multiprocessing
import os
import shutil
import time
import warnings

import numpy as np
import pytest

from stgr.io import caption_store
from stgr.io.caption_columns import read_caption_columns
from stgr.io.caption_store import open_caption_store
from stgr.io.captions import Caption, read_captions

CONTENT = {
    'b': {'start': [3, 1.5], 'end': [4, 2.5], 'text': [' crack an egg\n', 'é 😀']},
    'empty': {'start': [], 'end': [], 'text': []},
    'a': {'start': [0], 'end': [0.5], 'text': ['']},
}


@pytest.fixture
def source(tmp_path):
    path = tmp_path / 'captions.json'
    path.write_text(json.dumps(CONTENT))
    return path


@pytest.fixture
def conversions(monkeypatch):
    """A list that grows by one with every conversion."""
    done, convert = [], caption_store._convert

    def note(*args):
        done.append(args)
        return convert(*args)

    monkeypatch.setattr(caption_store, '_convert', note)
    return done


def as_dict(columns):
    """The same as ``read_captions`` returns."""
    first_row = columns.first_row
    return {
        video_id: [
            Caption(float(columns.start_sec[r]), float(columns.end_sec[r]), columns.texts[r])
            for r in range(first_row[v], first_row[v + 1])
        ]
        for v, video_id in enumerate(columns.video_ids)
    }


@pytest.mark.parametrize('rows_per_batch', [1, 2, 1000])
def test_store_memory_and_dictionary_hold_the_same(source, tmp_path, monkeypatch, rows_per_batch):
    monkeypatch.setattr('stgr.io.caption_columns.column_batches.__defaults__', (rows_per_batch,))

    stored = open_caption_store(source, tmp_path / 'store')

    expected = read_captions(source)
    assert list(expected) == ['b', 'empty', 'a']
    assert as_dict(stored) == as_dict(read_caption_columns(source)) == expected
    assert list(as_dict(stored)) == list(expected)
    assert stored.num_words.tolist() == [3, 2, 0]
    assert isinstance(stored.start_sec, np.memmap)


def test_conversion_is_done_once(source, tmp_path, conversions):
    for _ in range(3):
        open_caption_store(source, tmp_path / 'deep' / 'store')

    assert len(conversions) == 1
    assert sorted(path.name for path in (tmp_path / 'deep').iterdir()) == ['.store.lock', 'store']


def test_changed_captions_are_converted_anew_touched_ones_are_not(source, tmp_path, conversions):
    open_caption_store(source, tmp_path / 'store')

    os.utime(source, (1, 1))
    open_caption_store(source, tmp_path / 'store')
    assert len(conversions) == 1

    source.write_text(source.read_text().replace('egg', 'leg'))  # of the same size
    os.utime(source, (2, 2))
    assert as_dict(open_caption_store(source, tmp_path / 'store'))['b'][0].text == 'crack an leg'
    source.write_text('{"c": {"start": [1], "end": [2], "text": ["x"]}}')
    assert as_dict(open_caption_store(source, tmp_path / 'store')) == {'c': [Caption(1, 2, 'x')]}
    assert len(conversions) == 3


def test_open_columns_outlive_the_new_conversion(source, tmp_path):
    old = open_caption_store(source, tmp_path / 'store')
    source.write_text('{}')

    assert len(open_caption_store(source, tmp_path / 'store')) == 0
    assert as_dict(old) == read_captions_of(CONTENT, tmp_path)


def read_captions_of(content, tmp_path):
    path = tmp_path / 'other.json'
    path.write_text(json.dumps(content))
    return read_captions(path)


def cut(file):
    file.write_bytes(file.read_bytes()[:-3])


@pytest.mark.parametrize('name', ['texts.npy', 'text_ends.npy', 'start_sec.npy', 'about.json'])
@pytest.mark.parametrize('damage', [cut, lambda file: file.write_bytes(b''), os.unlink])
def test_damaged_store_is_made_anew(source, tmp_path, conversions, name, damage):
    open_caption_store(source, tmp_path / 'store')
    if name == 'about.json':
        (tmp_path / 'store' / name).write_text('{"format": "stgr captions 0"}')
    else:
        damage(tmp_path / 'store' / name)

    assert as_dict(open_caption_store(source, tmp_path / 'store')) == read_captions(source)
    assert len(conversions) == 2


def test_store_whose_columns_are_of_two_conversions_is_made_anew(source, tmp_path, conversions):
    open_caption_store(source, tmp_path / 'store')
    np.save(tmp_path / 'store' / 'end_sec.npy', np.zeros(2))

    assert as_dict(open_caption_store(source, tmp_path / 'store')) == read_captions(source)
    assert len(conversions) == 2


def test_folder_of_somebody_else_is_left_alone(source, tmp_path):
    (tmp_path / 'store').mkdir()
    (tmp_path / 'store' / 'about.json').write_text('{"format": "another"}')

    with pytest.raises(FileExistsError, match=r'store holds something else than captions'):
        open_caption_store(source, tmp_path / 'store')

    assert (tmp_path / 'store' / 'about.json').read_text() == '{"format": "another"}'


def test_broken_captions_leave_nothing_behind(source, tmp_path):
    source.write_text('{"a": {"start": [0], "end": [1], "text": ["x"]},\n "b": {"start": [0,}}')

    with pytest.raises(ValueError, match=r'captions\.json:2: broken JSON at column '):
        open_caption_store(source, tmp_path / 'store')

    assert sorted(path.name for path in tmp_path.iterdir()) == ['.store.lock', 'captions.json']


def test_captions_that_change_during_the_conversion_are_refused(source, tmp_path):
    def append(num_bytes):
        if not num_bytes:  # at the end
            source.write_text(source.read_text() + ' ')

    with pytest.raises(ValueError, match=r'captions\.json changed while it was converted'):
        open_caption_store(source, tmp_path / 'store', progress=append)

    assert not (tmp_path / 'store').exists()


def test_missing_captions_are_named_even_with_a_store(source, tmp_path):
    open_caption_store(source, tmp_path / 'store')
    source.unlink()

    with pytest.raises(FileNotFoundError, match=r'captions\.json'):
        open_caption_store(source, tmp_path / 'store')


def test_progress_adds_up_to_the_bytes_of_the_file(source, tmp_path):
    seen = []

    open_caption_store(source, tmp_path / 'store', progress=seen.append)

    assert sum(seen) == source.stat().st_size


def test_unusable_rows_are_warned_of_each_time(source, tmp_path):
    content = {'v': {'start': [5] * 9 + [0], 'end': [1] * 10, 'text': ['x'] * 10}}
    source.write_text(json.dumps(content))
    with pytest.warns(UserWarning, match='9 unusable') as expected:
        read_captions(source)

    for _ in range(2):
        with pytest.warns(UserWarning, match='9 unusable .*1 rows kept') as caught:
            open_caption_store(source, tmp_path / 'store')
        assert str(caught[0].message) == str(expected[0].message)


def test_second_entry_of_a_video_is_reported_not_mixed_in(source):
    row = '{"start": [0], "end": [1], "text": ["%s"]}'
    source.write_text(f'{{"v": {row % "first"}, "w": {row % "w"}, "v": {row % "second"}}}')

    with pytest.warns(UserWarning, match="1 unusable .*video 'v' comes again"):
        captions = read_captions(source)

    assert [rows[0].text for rows in captions.values()] == ['first', 'w']


def convert_slowly(source, folder, started):
    def wait(num_bytes):
        started.set()
        time.sleep(60)

    open_caption_store(source, folder, progress=wait)


def test_killed_conversion_leaves_no_store_and_the_next_one_cleans_up(source, tmp_path):
    context = multiprocessing.get_context('fork')
    started = context.Event()
    process = context.Process(target=convert_slowly, args=(source, tmp_path / 'store', started))
    process.start()
    assert started.wait(20)
    process.kill()
    process.join(20)

    assert not (tmp_path / 'store').exists()
    assert list(tmp_path.glob('.partial-*')), 'a killed process cannot clean up'
    assert as_dict(open_caption_store(source, tmp_path / 'store')) == read_captions(source)
    assert not list(tmp_path.glob('.partial-*'))


def count_conversion(source, folder, log):
    def note(num_bytes):
        with log.open('a') as file:
            file.write(f'{os.getpid()}\n')
        time.sleep(0.2)

    assert len(open_caption_store(source, folder, progress=note)) == 3


def test_processes_that_start_together_convert_once(source, tmp_path):
    context = multiprocessing.get_context('fork')
    log = tmp_path / 'log'
    args = (source, tmp_path / 'store', log)
    processes = [context.Process(target=count_conversion, args=args) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(30)

    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert len(set(log.read_text().split())) == 1


@pytest.fixture
def csv_folder(tmp_path):
    folder = tmp_path / 'csv'
    folder.mkdir()
    (folder / 'b.csv').write_text(
        'start,end,text\n3,4," crack, an egg"\n1.5,2.5,é 😀\n', encoding='utf-8'
    )
    (folder / 'empty.csv').write_text('start,end,text\n')
    (folder / 'a.csv').write_text('\ufeffid,text,end,start\r\n0,,0.5,0\r\n', encoding='utf-8')
    (folder / 'notes.txt').touch()
    return folder


def test_csv_files_are_read_in_the_order_of_their_names(csv_folder, tmp_path, conversions):
    captions = read_captions(csv_folder)

    assert list(captions.items()) == [
        ('a', [Caption(0.0, 0.5, '')]),
        ('b', [Caption(3.0, 4.0, 'crack, an egg'), Caption(1.5, 2.5, 'é 😀')]),
        ('empty', []),
    ]
    for _ in range(2):
        assert as_dict(open_caption_store(csv_folder, tmp_path / 'store')) == captions
    assert len(conversions) == 1
    (csv_folder / 'c.csv').write_text('start,end,text\n0,1,new\n')
    assert 'c' in as_dict(open_caption_store(csv_folder, tmp_path / 'store'))


@pytest.mark.parametrize(
    ('content', 'problem'),
    [
        ('start,end,text\nsoon,1,x\n0,1,good\n', "'a' row 0: start 'soon' and end 1.0 must be"),
        ('start,end,text\n0\n0,1,good\n', "'a' row 0: start 0.0 and end None must be"),
        ('start,end,text\n2,1,x\n0,1,good\n', "'a' row 0: end 1.0 is not after start 2.0"),
        ('start,end\n0,1\n', '\'a\' needs the lists "start", "end" and "text"'),
        ('', '\'a\' needs the lists "start", "end" and "text"'),
    ],
)
def test_broken_csv_row_is_skipped_and_named(csv_folder, content, problem):
    (csv_folder / 'a.csv').write_text(content)

    with pytest.warns(UserWarning, match=f'1 unusable .*{problem}'):
        captions = read_captions(csv_folder)

    assert captions['a'] == ([Caption(0.0, 1.0, 'good')] if 'good' in content else [])


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (b'start,end,text\n0,1,"x\n', r'a\.csv:2: broken CSV: unexpected end of data'),
        (b'start,end,text\n0,1,\xff\n', r'a\.csv: a caption file must be CSV in UTF-8'),
    ],
)
def test_file_that_is_no_csv_is_named(csv_folder, content, message):
    (csv_folder / 'a.csv').write_bytes(content)

    with pytest.raises(ValueError, match=message):
        read_captions(csv_folder)


def test_folder_without_captions_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'no caption file <video_id>\.csv in this folder'):
        read_captions(tmp_path)


def test_sound_captions_warn_of_nothing(source, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        open_caption_store(source, tmp_path / 'store')
        shutil.rmtree(tmp_path / 'store')
        read_caption_columns(source)
