import numpy as np
import pytest

from stgr.io import VideoError, open_video


def test_a_file_cut_off_is_read_up_to_its_end_and_says_so(damaged, read_numbers):
    with open_video(damaged['cut_off']) as video:
        facts = video.facts()
        numbers = read_numbers(video.read_at(np.array([0.0, 0.5, facts.duration_sec, 2.3])))

    last = round(facts.duration_sec * 25) - 1
    assert 20 <= last < 59
    assert numbers == [0, 12, last, last]
    assert facts.warnings == (
        f'damaged after {facts.duration_sec:.1f} s: the header promises 2.4 s, the rest of the '
        'pictures is missing',
    )


def test_a_damaged_packet_is_counted_and_the_frame_before_stands_in(damaged, read_numbers):
    with open_video(damaged['bitten_constant']) as video:
        facts = video.facts()
        numbers = read_numbers(video.read_at(np.arange(60) / 25))

    lost = (set(range(60)) - set(numbers)).pop()
    assert numbers == [number if number != lost else lost - 1 for number in range(60)]
    assert len(facts.warnings) == 1
    assert facts.warnings[0].startswith('damaged after 1.8 s: 1 of 60 frames cannot be read')


def test_damage_found_only_while_reading_is_reported_afterwards(damaged, read_numbers):
    with open_video(damaged['bitten_vp9']) as video:
        before = video.facts()
        numbers = read_numbers(video.read_at(np.arange(60) / 25))
        after = video.facts()

    assert before.warnings == ()
    assert numbers[:46] == [*range(45), 44]  # frame 45 is the damaged one
    assert len(numbers) == 60
    assert after.warnings[0].startswith('damaged after 1.8 s: 1 of 60 frames')


def test_streaming_through_damage_gives_what_reading_gives(damaged):
    times_sec = np.arange(60) / 25
    with open_video(damaged['bitten_vp9']) as video:
        streamed = np.concatenate([frames for _, frames in video.stream_at(times_sec, chunk=8)])
    with open_video(damaged['bitten_vp9']) as video:
        np.testing.assert_array_equal(video.read_at(times_sec), streamed)


def test_decord_says_who_reads_a_damaged_file(damaged):
    pytest.importorskip('decord')

    with (
        open_video(damaged['bitten_constant'], 'decord') as video,
        pytest.raises(VideoError, match=r"bitten_constant.*use reader='pyav'"),
    ):
        video.read_at(np.arange(60) / 25)


@pytest.mark.parametrize(
    ('name', 'content', 'message'),
    [
        ('empty.mp4', b'', 'empty.*0 bytes'),
        ('garbage.mp4', b'crack an egg ' * 500, 'not a readable video'),
        ('letter.txt', b'crack an egg ' * 500, 'letter.txt'),
        ('zeros.mp4', bytes(5000), 'not a readable video'),
    ],
)
def test_a_file_that_is_no_video_is_named_with_the_cause(name, content, message, tmp_path):
    (tmp_path / name).write_bytes(content)

    with pytest.raises(VideoError, match=message) as caught:
        open_video(tmp_path / name)

    assert str(tmp_path / name) in str(caught.value)
    assert '\n' not in str(caught.value)


def test_a_file_without_its_index_is_not_readable(clips, tmp_path):
    whole = clips['constant'].path.read_bytes()
    (tmp_path / 'headless.mp4').write_bytes(whole[:300])

    with pytest.raises(VideoError, match=r'headless\.mp4'):
        open_video(tmp_path / 'headless.mp4')


def test_sound_alone_is_no_video(opus_file):
    with pytest.raises(VideoError, match='only sound'):
        open_video(opus_file)


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'nowhere\.mp4: no such video file'):
        open_video(tmp_path / 'nowhere.mp4')
    with pytest.raises(VideoError, match='nowhere'):
        open_video(tmp_path / 'nowhere.mp4')
    with pytest.raises(VideoError, match='folder'):
        open_video(tmp_path)
