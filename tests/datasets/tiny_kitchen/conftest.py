import json
import shutil
from pathlib import Path

import pytest

from stgr.datasets.tiny_kitchen import timeline, writer

SEED, LONGEST_SEC = 18, 19.0  # few actions, three frame sizes, unseen steps in val and test


@pytest.fixture
def short_videos(monkeypatch):
    """Videos of 18 seconds in place of 30 to 180, in this process."""
    monkeypatch.setattr(timeline, '_MAX_SEC', LONGEST_SEC)


@pytest.fixture
def cheap_scripts(monkeypatch):
    """Scripts without drawing what they show, for statistics over many."""
    monkeypatch.setattr(timeline.Segment, 'shot', lambda *_: (None, ['egg']))


@pytest.fixture(scope='session')
def world(tmp_path_factory):
    """Folder of a world of four short videos; nobody changes it."""
    out_dir = tmp_path_factory.mktemp('world')
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timeline, '_MAX_SEC', LONGEST_SEC)
        writer.make_tiny_kitchen(out_dir, n_videos=4, seed=SEED)
    return out_dir


@pytest.fixture(scope='session')
def scripts(world):
    """Scripts of the world's videos by their id."""
    manifest = json.loads((world / 'manifest.json').read_text())
    names = [Path(name) for name in manifest['files'] if name.endswith('.mp4')]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timeline, '_MAX_SEC', LONGEST_SEC)
        found = [
            timeline.write_script(SEED, path.parts[0], int(path.stem.split('_')[-1]))
            for path in names
        ]
    return {script.video_id: script for script in found}


@pytest.fixture
def make_again(world, tmp_path, short_videos):
    """Return a function that makes the world in a changed copy of it, and that copy's folder."""
    folder = tmp_path / 'copy'
    shutil.copytree(world, folder)

    def make(**settings):
        return writer.make_tiny_kitchen(folder, **({'n_videos': 4, 'seed': SEED} | settings))

    return make, folder


@pytest.fixture
def written(monkeypatch):
    """Names of the videos that are written during the test."""
    names, write = [], writer.write_one_video

    def note(script, path):
        names.append(path.name)
        return write(script, path)

    monkeypatch.setattr(writer, 'write_one_video', note)
    return names
