import warnings
from collections import Counter

import numpy as np
import pytest
from torch.utils.data import DataLoader

from stgr.datasets import HowTo100M
from stgr.io.errors import VideoError
from stgr.registry import DATASETS


@pytest.fixture
def root(tmp_path, write_json):
    write_json(
        'captions.json',
        {
            'a': {'start': [0, 5, 9], 'end': [2, 7, 12], 'text': ['a zero', 'a one', 'a two']},
            'b': {'start': [1], 'end': [4], 'text': ['b zero']},
            'c': {'start': [2, 3], 'end': [3, 4], 'text': ['c zero', 'c one']},
        },
    )
    write_json('durations.json', {'a': 20, 'b': 4.5, 'c': 9})
    (tmp_path / 'videos').mkdir()
    for name in ('a.mp4', 'b.webm', 'c.mkv', 'notes.txt'):
        (tmp_path / 'videos' / name).touch()
    return tmp_path


def build(root, **changes):
    settings = {'captions': 'captions.json', 'durations': 'durations.json', 'max_missing': 0.5}
    return HowTo100M(str(root), **{**settings, **changes})


def draw(item):
    return {**item, 'draw': item['rng'].random()}


def collate(items):
    return [(item['narration'], item['draw']) for item in items]


def test_an_item_is_one_caption_with_its_video(root):
    data = build(root)

    item = data[3]

    assert item.pop('rng') is not None
    assert item == {
        'video_id': 'b',
        'video_path': str(root / 'videos' / 'b.webm'),
        'start_sec': 1.0,
        'end_sec': 4.0,
        'narration': 'b zero',
        'duration_sec': 4.5,
    }
    assert [data[i]['narration'] for i in range(len(data))] == [
        'a zero', 'a one', 'a two', 'b zero', 'c zero', 'c one',
    ]  # fmt: skip


def test_iterating_ends_after_the_last_item(root):
    assert len(list(build(root))) == 6


def test_per_video_draws_one_clip_of_each_video_anew_every_epoch(root):
    data = build(root, per_video=True)
    drawn = Counter()
    for epoch in range(90):
        data.set_epoch(epoch)
        items = [data[i] for i in range(len(data))]
        assert [item['video_id'] for item in items] == ['a', 'b', 'c']
        drawn.update(item['narration'] for item in items)

    assert drawn['b zero'] == 90
    assert all(15 < drawn[f'a {row}'] < 45 for row in ('zero', 'one', 'two'))  # 30 expected


def test_an_item_depends_on_seed_epoch_and_index_only(root):
    first, second = build(root, pipeline=[draw]), build(root, pipeline=[draw])
    for _ in range(3):
        second[5]

    assert first[2]['draw'] == second[2]['draw']
    assert first[2]['draw'] != first[3]['draw']
    assert first[2]['draw'] != build(root, seed=1, pipeline=[draw])[2]['draw']
    before = first[2]['draw']
    first.set_epoch(1)
    assert first[2]['draw'] != before
    first.set_epoch(0)
    assert first[2]['draw'] == before


@pytest.mark.parametrize('start', ['fork', pytest.param('spawn', marks=pytest.mark.slow)])
def test_persistent_workers_see_the_new_epoch_and_draw_what_no_worker_would(root, start):
    data = build(root, pipeline=[draw])
    loader = DataLoader(
        data, batch_size=2, num_workers=2, persistent_workers=True, collate_fn=collate,
        multiprocessing_context=start,
    )  # fmt: skip
    epochs = []
    for epoch in range(2):
        data.set_epoch(epoch)
        expected = [collate([data[i]])[0] for i in range(len(data))]
        epochs.append([pair for batch in loader for pair in batch])
        assert epochs[-1] == expected

    assert epochs[0] != epochs[1]


def test_test_mode_has_no_randomness_and_takes_the_middle_clip(root):
    data = build(root, per_video=True, test_mode=True)

    assert [item['narration'] for item in data] == ['a one', 'b zero', 'c one']
    assert 'rng' not in data[0]


def test_the_permuted_control_is_made_of_the_same_words_and_windows(root):
    true, control = build(root), build(root, permute_narrations=0)

    assert sorted(c['narration'] for c in control) == sorted(c['narration'] for c in true)
    for clip in control:
        assert clip['narration'][0] != clip['video_id']
    assert [c['start_sec'] for c in control] == [c['start_sec'] for c in true]


@pytest.mark.parametrize('permute', [None, 3])
def test_a_caption_store_serves_the_same_items(root, permute):
    (root / 'videos' / 'c.mkv').unlink()
    settings = {'permute_narrations': permute, 'min_words': 2}

    stored = build(root, **settings, caption_store='store/captions')
    with pytest.warns(UserWarning, match=r'1 of 3 videos missing \(c\)'):
        held = [{**item, 'rng': 0} for item in build(root, **settings)]
    with pytest.warns(UserWarning, match=r'1 of 3 videos missing \(c\)'):
        mapped = [{**item, 'rng': 0} for item in stored]

    assert mapped == held
    assert len(held) == 4
    assert isinstance(stored.table.columns.start_sec, np.memmap)
    assert (root / 'store' / 'captions' / 'about.json').is_file()


def test_missing_videos_are_counted_in_training_and_an_error_beyond_a_share(root):
    (root / 'videos' / 'b.webm').unlink()

    with pytest.warns(UserWarning, match=r'1 of 3 videos missing \(b\)'):
        assert {item['video_id'] for item in build(root)} == {'a', 'c'}
    with pytest.raises(FileNotFoundError, match=r'more than the share of 0\.1'):
        len(build(root, max_missing=0.1))


def test_a_missing_video_is_an_error_in_evaluation(root):
    (root / 'videos' / 'b.webm').unlink()

    with pytest.raises(FileNotFoundError, match='1 of 3 videos missing'):
        len(build(root, test_mode=True, max_missing=1.0))


def test_without_a_folder_of_videos_nothing_is_missing(root):
    item = build(root, videos_dir=None)[0]

    assert item['video_path'] is None
    assert item['duration_sec'] == 20


def test_captions_past_the_end_are_left_out_where_durations_are_known(root, write_json):
    write_json('durations.json', {'a': 9.0, 'b': 1, 'c': 9})

    data = build(root)

    with pytest.warns(UserWarning, match='past the end') as caught:
        assert [item['narration'] for item in data] == ['a zero', 'a one', 'c zero', 'c one']
    assert data.table.dropped['past the end of the video'] == 2
    assert [str(warning.message) for warning in caught] == [
        f'{root / "captions.json"}: 2 captions begin past the end of their video and are left out, '
        "the first of video 'a' at 9.0 s; check that captions and durations are of the same videos"
    ]


def test_a_file_without_a_usable_caption_is_an_error(root):
    with pytest.raises(ValueError, match=r'no caption is left.*too few words.: 6'):
        len(build(root, min_words=3))


def test_captions_within_their_videos_warn_of_nothing(root):
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        assert len(build(root)) == 6


def break_video_a(item):
    if item['video_id'] == 'a':
        raise VideoError('a.mp4 is damaged')
    return item


def skip_video_a(item):
    return None if item['video_id'] == 'a' else item


@pytest.mark.parametrize('obstacle', [break_video_a, skip_video_a])
def test_a_clip_that_cannot_be_used_is_replaced_reproducibly_in_training(root, obstacle):
    with pytest.warns(UserWarning, match=r"a.mp4 is damaged; 1 videos|video 'a': no frame for"):
        first = [item['narration'] for item in build(root, pipeline=[obstacle])]
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        again = build(root, pipeline=[obstacle])
        second = [again[i]['narration'] for i in reversed(range(6))][::-1]

    assert first == second
    assert first[3:] == ['b zero', 'c zero', 'c one']
    assert not any(narration.startswith('a') for narration in first)


def test_a_video_with_clips_without_a_frame_is_named_once_with_the_time_and_a_count(root):
    data = build(root, pipeline=[lambda item: item if item['narration'] == 'b zero' else None])

    with pytest.warns(UserWarning, match='without a frame') as caught:
        assert [data[row]['narration'] for row in (1, 0)] == ['b zero', 'b zero']

    messages = [str(warning.message) for warning in caught]
    assert messages[0] == (
        "video 'a': no frame for the caption at 5.0 s; 1 clips without a frame so far, another "
        'clip is used'
    )
    assert [message[:9] for message in messages] in (["video 'a'"], ["video 'a'", "video 'c'"])


def test_clips_that_fail_one_after_the_other_are_an_error_of_one_line(root):
    data = build(root, pipeline=[lambda item: None])

    with (
        pytest.warns(UserWarning, match='without a frame'),
        pytest.raises(ValueError, match=r'captions\.json: 20 clips in a row could not be used'),
    ):
        data[0]


def test_a_clip_that_cannot_be_used_is_an_error_in_evaluation(root):
    with pytest.raises(VideoError):
        build(root, pipeline=[break_video_a], test_mode=True)[0]
    with pytest.raises(ValueError, match=r"video 'a' at 0\.0 s"):
        build(root, pipeline=[skip_video_a], test_mode=True)[0]


def test_too_many_unreadable_videos_stop_the_training(root):
    with pytest.raises(ValueError, match=r'more than the share of 0.1.*a.mp4 is damaged'):
        build(root, pipeline=[break_video_a], max_missing=0.1)[0]


def test_unreadable_videos_of_all_workers_and_epochs_count_together(root):
    broken = {'a'}

    def fail(item):
        if item['video_id'] in broken:
            raise VideoError(f'{item["video_id"]} is damaged')
        return draw(item)

    data = build(root, pipeline=[fail], max_missing=0.5)  # of 3 videos: one may be unreadable
    data.full_init()
    loader = DataLoader(
        data, num_workers=2, collate_fn=collate, multiprocessing_context='fork'
    )  # fmt: skip
    assert len(list(loader)) == 6
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        assert data[0]['narration'][0] != 'a', 'a worker has named the video'

    broken = {'b'}
    with pytest.raises(ValueError, match='2 videos missing or unreadable so far, more than'):
        list(loader)


def test_nothing_is_read_before_it_is_needed(tmp_path):
    data = HowTo100M(str(tmp_path), 'nowhere.json')

    with pytest.raises(FileNotFoundError, match='nowhere'):
        data.full_init()


def test_it_is_built_from_a_config(root):
    data = DATASETS.build(
        {'type': 'HowTo100M', 'data_root': str(root), 'captions': 'captions.json',
         'durations': 'durations.json', 'pipeline': [{'type': 'SampleClip', 'candidates': 4}]}
    )  # fmt: skip

    assert np.isfinite(data[0]['frame_times_sec']).all()
    assert data.metainfo == {'dataset_type': 'HowTo100M', 'num_videos': 3}
