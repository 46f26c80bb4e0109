"""Spectrograms are made once, and anew for another file or after damage."""

import numpy as np
import pytest

from stgr.io import mel_store
from stgr.io.mel_store import MelStore, read_levels


@pytest.fixture
def counted(monkeypatch):
    """The videos that are decoded during the test."""
    seen, read = [], mel_store.read_levels

    def note(path, *times):
        seen.append(path)
        return read(path, *times)

    monkeypatch.setattr(mel_store, 'read_levels', note)
    return seen


def test_a_video_is_decoded_once(sound_clip, tmp_path, counted):
    first = MelStore(tmp_path / 'mels').levels('vid', sound_clip)
    again = MelStore(tmp_path / 'mels').levels('vid', sound_clip)

    assert len(counted) == 1
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, other)
    levels, real = read_levels(sound_clip, 0, None)
    np.testing.assert_allclose(again[0], levels, atol=0.05)  # half precision near -100
    np.testing.assert_array_equal(again[1], real)


def test_a_part_of_the_whole_is_the_part_read_alone(sound_clip, tmp_path):
    levels, _ = MelStore(tmp_path).levels('vid', sound_clip)
    part, real = read_levels(sound_clip, 0.5, 1.5)

    assert real.all()
    loud = part[:, 3:-3] > -60  # quieter: what the coding leaves between the tones
    difference = np.abs(levels[:, 53:147].astype(np.float32) - part[:, 3:-3])
    assert difference[loud].max() < 0.5


@pytest.mark.parametrize('fault', ['another video', 'damage', 'half a file'])
def test_what_cannot_be_used_is_made_anew(sound_clip, clips, tmp_path, counted, fault):
    store = MelStore(tmp_path)
    levels, _ = store.levels('vid', sound_clip)
    file = tmp_path / 'vid.npz'
    if fault == 'another video':
        store.levels('vid', clips['constant'].path)
        assert store.levels('vid', clips['constant'].path)[0].shape == (40, 0)
    else:
        whole = file.read_bytes()
        file.write_bytes(b'junk' if fault == 'damage' else whole[: len(whole) // 2])

    np.testing.assert_array_equal(store.levels('vid', sound_clip)[0], levels)
    assert len(counted) == (3 if fault == 'another video' else 2)


def test_a_video_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        MelStore(tmp_path).levels('vid', tmp_path / 'gone.mp4')


@pytest.mark.parametrize('name', ['../outside', '/tmp/outside', 'a/b', ''])
def test_a_video_id_that_leads_out_of_the_store_is_refused(name, tmp_path, tiny_video):
    with pytest.raises(ValueError, match='must be a plain file name'):
        MelStore(tmp_path / 'store').levels(name, tiny_video)
