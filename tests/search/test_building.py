"""``build_index``: renewed, resumed, refused."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import stgr
from stgr import Grounder
from stgr.io.file_locks import FileLock
from stgr.search import SearchIndex
from stgr.search.manifest import load_manifest
from stgr.search.vectors import VectorFile


def facts(report):
    return report.encoded, report.kept, report.removed, report.changed


def files_of(index):
    return sorted(path.name for path in index.iterdir() if not path.name.startswith('.'))


def test_videos_of_all_folders_are_indexed_with_their_frames(build, library, tmp_path):
    report = build()

    manifest = load_manifest(tmp_path / 'index')
    assert facts(report) == (3, 0, 0, True)
    assert [(v.path, v.num_frames) for v in manifest.videos] == [
        ('a.mp4', 6), ('b.mp4', 8), ('more/a.mp4', 6),
    ]  # fmt: skip
    assert manifest == report.manifest
    assert manifest.root == str(library)
    assert files_of(tmp_path / 'index') == ['features', 'index.json', manifest.vectors.name]


def test_vectors_are_those_the_model_compares(build, door, library, tmp_path):
    manifest = build().manifest
    vectors = VectorFile(tmp_path / 'index' / manifest.vectors.name)
    queries, text = door.inferencer.understand(['flip it over', 'crack an egg'])
    with torch.no_grad():
        embeds = torch.nn.functional.normalize(door.inferencer.model.embed_queries(text), dim=1)

    with door.encode(library / 'b.mp4') as video:
        expected = door.inferencer.similarity(video.features, text)

    assert len(queries) == 2
    assert vectors.scores(embeds, 6, 14).numpy() == pytest.approx(expected, abs=1e-3)


def test_only_what_is_new_or_changed_is_encoded(build, library, other_video, tmp_path):
    build()
    before = files_of(tmp_path / 'index')
    same = build()
    assert facts(same) == (0, 3, 0, False)
    assert files_of(tmp_path / 'index') == before

    shutil.copy(other_video, library / 'a.mp4')  # changed
    (library / 'b.mp4').unlink()  # removed
    shutil.copy(other_video, library / 'c.mp4')  # new
    changed = build()

    assert facts(changed) == (2, 1, 2, True)
    assert [video.path for video in changed.manifest.videos] == ['a.mp4', 'c.mp4', 'more/a.mp4']
    keys = {video.key for video in changed.manifest.videos}
    assert {path.stem for path in (tmp_path / 'index' / 'features').iterdir()} == keys
    assert changed.manifest.vectors.name in files_of(tmp_path / 'index')
    assert not set(before) & set(files_of(tmp_path / 'index')) - {'features', 'index.json'}


KILLED = """
import os, signal, sys
from stgr.io.file_store_writer import FileStoreWriter
from stgr.search import build_index
done = []

def add_then_die(self, video_id):
    done.append(video_id)
    if len(done) == 2:
        os.kill(os.getpid(), signal.SIGKILL)

FileStoreWriter.add = add_then_die
build_index(sys.argv[1], sys.argv[2], model=sys.argv[3], weights=sys.argv[4], device='cpu',
            rate_fps=2.0)
"""


@pytest.mark.dist
def test_a_killed_run_is_resumed(build, library, tiny_model, tmp_path):
    arguments = [library, tmp_path / 'index', *tiny_model]
    root = str(Path(stgr.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, '-c', KILLED, *map(str, arguments)],
        env={**os.environ, 'PYTHONPATH': root},
        check=False,
        timeout=200,
    )
    assert done.returncode == -signal.SIGKILL
    with pytest.raises(FileNotFoundError, match='no index in'):
        SearchIndex.open(tmp_path / 'index')

    assert facts(build()) == (1, 2, 0, True)


def test_a_failure_while_writing_leaves_the_old_index(build, library, door, tmp_path, monkeypatch):
    old = build().manifest
    (library / 'b.mp4').unlink()

    def fail(*args, **kwargs):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr('stgr.search.index_files.write_vectors', fail)
    with pytest.raises(OSError, match='No space left for this file'):
        build()
    assert load_manifest(tmp_path / 'index') == old
    SearchIndex.open(tmp_path / 'index', grounder=door).close()
    monkeypatch.undo()
    assert facts(build()) == (0, 2, 1, True)


def test_another_model_is_refused_and_fresh_keeps_what_its_backbone_encoded(
    build, tiny_model, tmp_path
):
    from safetensors.torch import load_file, save_file

    build()
    weights = load_file(tiny_model[1])
    weights['global_head.video_proj.bias'] += 1
    save_file(weights, tmp_path / 'other.safetensors')
    other = {'weights': tmp_path / 'other.safetensors'}

    with pytest.raises(ValueError, match=r'index is of another model \(weights_sha256 \w{12}… '):
        build(**other)
    with pytest.raises(ValueError, match=r'rate_fps 2 there, 1 here\); give another --out, or'):
        build(rate_fps=1.0)

    assert facts(build(**other, fresh=True)) == (0, 3, 0, True)
    assert facts(build(**other, fresh=True, rate_fps=1.0)) == (3, 0, 0, True)


def test_another_library_is_refused_but_a_moved_one_is_known(build, library, tmp_path):
    build()
    (tmp_path / 'two').mkdir()
    shutil.copy2(library / 'a.mp4', tmp_path / 'two' / 'a.mp4')
    with pytest.raises(ValueError, match=rf'is the index of {library}, not of {tmp_path}/two'):
        build(tmp_path / 'two')

    library.rename(tmp_path / 'moved')
    report = build(tmp_path / 'moved')

    assert facts(report) == (0, 3, 0, True)
    assert report.manifest.root == str(tmp_path / 'moved')


def test_a_video_that_cannot_be_read_costs_itself_only(build, library, tmp_path, capsys):
    (library / 'b.mp4').write_bytes(b'crack an egg')
    first, second = build(), build()

    assert (len(first.failures), first.failed_before) == (1, 0)
    assert (len(second.failures), second.failed_before) == (0, 1)
    assert [video.path for video in second.manifest.videos] == ['a.mp4', 'more/a.mp4']
    assert 'b.mp4' in capsys.readouterr().err
    entry = json.loads((tmp_path / 'index' / 'features' / 'failed.jsonl').read_text())
    assert entry['path'] == str(library / 'b.mp4')


def test_a_damaged_index_is_mended_from_what_is_encoded(build, tmp_path):
    manifest = build().manifest
    path = tmp_path / 'index' / manifest.vectors.name
    path.write_bytes(path.read_bytes()[:-2] + b'ab')

    assert facts(build()) == (0, 3, 0, True)
    assert load_manifest(tmp_path / 'index') == manifest


def test_two_writers_do_not_meet(build, tmp_path):
    (tmp_path / 'index').mkdir()
    lock = FileLock(tmp_path / 'index' / '.lock')

    with pytest.raises(ValueError, match='another process is writing to'):
        build()
    lock.release()
    build()


@pytest.mark.parametrize('kind', ['hnsw', 'ivf'])
def test_approximate_kinds_are_measured_and_taken_for_exact_ones(kind, build, tmp_path):
    pytest.importorskip('faiss')
    exact = build().manifest
    report = build(kind=kind)

    assert facts(report) == (0, 3, 0, True)
    assert report.manifest.vectors == exact.vectors
    assert report.manifest.recall == 1.0  # all 20 frames are looked at
    assert report.manifest.recall_at == 20
    assert not facts(build(kind=kind))[3]
    build()
    assert not list((tmp_path / 'index').glob('*.faiss'))


def test_what_cannot_be_indexed_is_said(build, library, tmp_path):
    (tmp_path / 'empty').mkdir()
    with pytest.raises(FileNotFoundError, match='no videos in'):
        build(tmp_path / 'empty')
    with pytest.raises(FileNotFoundError, match='name the folder of your videos'):
        build(tmp_path / 'nowhere')
    with pytest.raises(NotADirectoryError, match='is a file; name the folder'):
        build(library / 'a.mp4')
    for file in library.rglob('*.mp4'):
        file.write_bytes(b'egg')
    with pytest.raises(ValueError, match=r'none of the videos in .* can be read'):
        build()
    (tmp_path / 'index' / 'index.json').write_text('{"schema_version": 2}')
    with pytest.raises(ValueError, match='schema_version is 2, but this version of stgr reads 1'):
        build()


def test_a_saved_model_named_from_here_is_found_from_anywhere(build, tmp_path, monkeypatch):
    Grounder('ours_tiny', device='cpu').save_pretrained(tmp_path / 'saved')
    monkeypatch.chdir(tmp_path)
    build(model='saved', weights=None)
    monkeypatch.chdir(tmp_path / 'library')

    with SearchIndex.open(tmp_path / 'index', device='cpu') as index:
        (answer,) = index.search(['crack egg'], everything=True, places=False)
    assert answer.moments
    assert index.manifest.model == str(tmp_path / 'saved')


def test_a_model_without_one_vector_per_frame_is_refused(build, tiny_model, tmp_path):
    from safetensors.torch import load_file, save_file

    config = tmp_path / 'local.py'
    lines = [line for line in tiny_model[0].read_text().splitlines() if 'global_head=' not in line]
    config.write_text('\n'.join(lines))
    weights = load_file(tiny_model[1])
    kept = {k: v for k, v in weights.items() if not k.startswith('global_head')}
    save_file(kept, tmp_path / 'local.safetensors')

    with pytest.raises(ValueError, match='use a model with a global head'):
        build(model=config, weights=tmp_path / 'local.safetensors')
