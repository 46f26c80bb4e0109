"""The store that a config reads is filled with what its data sets need."""

import shutil

import pytest

from stgr.apis.extract import extract_features
from stgr.io.feature_store import FeatureStore


@pytest.fixture
def write_config(tiny_model, tmp_path):
    """Return a function that writes a config with data sets in the given folders."""

    def write(*folders, tail='feature_fps = 2.0\n', step='LoadFeatures'):
        text = tiny_model[0].read_text()
        text += 'from stgr.datasets.transforms import LoadFeatures, PackClip\n'
        store = f', store_dir={str(tmp_path / "store")!r}' if step == 'LoadFeatures' else ''
        for name, folder in zip(('train', 'val', 'test'), folders, strict=False):
            text += (
                f'{name}_dataloader = dict(dataset=dict(data_root={str(tmp_path / folder)!r}, '
                f'pipeline=[dict(type={step}{store})]))\n'
            )
        (tmp_path / 'config.py').write_text(text + tail)
        return tmp_path / 'config.py'

    return write


@pytest.fixture
def put_video(tiny_video, tmp_path):
    def put(folder, name):
        target = tmp_path / folder / 'videos'
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy(tiny_video, target / name)

    return put


def test_videos_of_all_data_sets_are_encoded_once(write_config, put_video, tmp_path):
    put_video('train', 'a.mp4')
    put_video('eval', 'b.mp4')
    config = write_config('train', 'eval', 'eval')  # two data sets share a folder

    counts = [extract_features(config, device='cpu') for _ in range(2)]

    assert counts == [2, 0]
    store = FeatureStore(tmp_path / 'store')
    assert [len(store.open(name)) for name in ('a', 'b')] == [6, 6]
    assert store.open('a').step_sec == 0.5


def test_config_without_stored_features_is_refused(write_config):
    for config in (write_config('train', step='PackClip'), write_config('train', tail='')):
        with pytest.raises(ValueError, match='reads no stored features'):
            extract_features(config)


def test_data_set_without_videos_is_an_error_not_a_success(write_config, tmp_path):
    with pytest.raises(FileNotFoundError, match=r'no videos in .*train.videos; put the data set'):
        extract_features(write_config('train'))


def test_data_set_that_names_no_folder_of_videos_is_refused(write_config):
    config = write_config(
        'train', tail='train_dataloader["dataset"]["videos_dir"] = None\nfeature_fps = 2.0\n'
    )

    with pytest.raises(ValueError, match=r'in .*train has videos_dir=None.*; set videos_dir'):
        extract_features(config)


def test_only_videos_are_taken(write_config, put_video, tmp_path):
    put_video('train', 'a.mp4')
    put_video('train', 'B.MKV')
    for name in ('a.json', 'a.vtt', 'README.md', '.c.mp4', '.a.mp4.12.part'):
        (tmp_path / 'train' / 'videos' / name).write_text('no video')
    (tmp_path / 'train' / 'videos' / 'folder.mp4').mkdir()

    assert extract_features(write_config('train'), device='cpu') == 2


def test_unreadable_videos_are_named_and_the_others_encoded(
    write_config, put_video, tmp_path, capsys
):
    for folder, name in (('train', 'a.mp4'), ('train', 'c.mp4'), ('val', 'e.mp4')):
        put_video(folder, name)
    bad = [tmp_path / 'train' / 'videos' / 'b.mp4', tmp_path / 'val' / 'videos' / 'd.mp4']
    for path in bad:
        path.touch()

    message = rf'2 of 5 videos could not be encoded \(first: {bad[0]}: the file is empty'
    with pytest.raises(ValueError, match=message):
        extract_features(write_config('train', 'val'), device='cpu')

    store = FeatureStore(tmp_path / 'store')
    assert [name for name in 'abcde' if store.has(name)] == ['a', 'c', 'e']
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(': ')[0] for line in lines] == [str(path) for path in bad]


def test_stores_after_one_with_an_unreadable_video_are_filled(write_config, put_video, tmp_path):
    put_video('val', 'b.mp4')
    (tmp_path / 'train' / 'videos').mkdir(parents=True)
    (tmp_path / 'train' / 'videos' / 'a.mp4').touch()
    config = write_config('train', 'val')
    other = str(tmp_path / 'other')
    config.write_text(
        config.read_text()
        + f'val_dataloader["dataset"]["pipeline"] = [dict(store_dir={other!r})]\n'
    )

    with pytest.raises(ValueError, match='1 of 2 videos'):
        extract_features(config, device='cpu')

    assert FeatureStore(other).has('b')


def test_two_videos_of_one_name_are_refused(write_config, put_video):
    put_video('train', 'a.mp4')
    put_video('val', 'a.mp4')

    with pytest.raises(ValueError, match="would share the features of 'a'; rename one"):
        extract_features(write_config('train', 'val'))
