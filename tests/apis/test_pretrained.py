"""A model in a folder or on the hub answers as before; what a stranger wrote is never run."""

import hashlib
import json
import pickle
import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from fake_hub import FakeHub
from huggingface_hub import constants
from safetensors.torch import load_file, save_file

from stgr.apis import Grounder, pretrained
from stgr.apis.model_card import ModelCard
from stgr.apis.model_hub import is_pretrained, lasting_name, list_models, load_config
from stgr.apis.plain_config import check_plain_config, plain_config
from stgr.cli import main
from stgr.io.hub import hub_files
from stgr.io.results import load_result

QUERIES = ['crack an egg', 'pour the milk']


@pytest.fixture(scope='module')
def ours():
    return Grounder('ours_tiny', device='cpu', threshold=-1.0)


@pytest.fixture(scope='module')
def folder(ours, tmp_path_factory):
    return ours.save_pretrained(tmp_path_factory.mktemp('pretrained') / 'new' / 'ours_tiny')


@pytest.fixture
def stranger(folder, tmp_path):
    """Return a function that edits the config of a copy of the model, and gives the copy."""

    def edit(change):
        for file in folder.iterdir():
            (tmp_path / file.name).write_bytes(file.read_bytes())
        document = json.loads((tmp_path / 'config.json').read_text())
        change(document)
        (tmp_path / 'config.json').write_text(json.dumps(document))
        return tmp_path

    return edit


def assert_same_answers(one, other, video):
    ours, theirs = (door.ground(video, queries=QUERIES) for door in (one, other))
    assert np.array_equal(ours.times_sec, theirs.times_sec)
    for a, b in zip(ours.queries, theirs.queries, strict=True):
        assert a.found
        assert a.spans == b.spans
        assert np.array_equal(a.frame_scores, b.frame_scores)
        assert np.array_equal(a.heatmaps.values, b.heatmaps.values)
        assert np.array_equal(a.tubes[0].boxes_px, b.tubes[0].boxes_px)


def test_a_model_from_its_folder_answers_bit_for_bit(ours, folder, tiny_video):
    again = Grounder.from_pretrained(folder, device='cpu', threshold=-1.0)

    assert_same_answers(ours, again, tiny_video)
    assert again.inferencer.rate_fps == ours.inferencer.rate_fps
    assert again.facts.notice == ours.facts.notice
    content = (folder / 'model.safetensors').read_bytes()
    assert again.facts.weights_sha256 == hashlib.sha256(content).hexdigest()


def test_the_calibration_travels_along_and_fits_no_other_weights(ours, folder, tmp_path):
    again = Grounder.from_pretrained(folder, device='cpu', min_score=0.5)

    there, here = ours.inferencer.judge.calibration, again.inferencer.judge.calibration
    assert here.occurrence == there.occurrence
    assert (here.weights_sha256, here.config_sha256) == (
        again.facts.weights_sha256,
        again.facts.config_sha256,
    )
    other = Path(shutil.copytree(folder, tmp_path / 'other'))
    weights = load_file(other / 'model.safetensors')
    weights['pool_threshold'] += 1
    save_file(weights, other / 'model.safetensors')
    with pytest.raises(ValueError, match='was fitted for another model'):
        Grounder.from_pretrained(other, device='cpu')


def test_saving_again_writes_the_same_bytes(folder, tmp_path):
    again = Grounder.from_pretrained(folder, device='cpu').save_pretrained(tmp_path / 'ours_tiny')

    assert {f.name: f.read_bytes() for f in again.iterdir()} == {
        f.name: f.read_bytes() for f in folder.iterdir()
    }


def test_a_folder_that_is_not_written_to_the_end_is_no_model(ours, folder, tmp_path, monkeypatch):
    copy = Path(shutil.copytree(folder, tmp_path / 'copy'))

    def fill_the_disk(*_):
        raise OSError(28, 'No space left on device')

    with monkeypatch.context() as full:
        full.setattr('stgr.apis.pretrained.save_calibration', fill_the_disk)
        with pytest.raises(OSError, match='No space left'):
            ours.save_pretrained(copy)
    with pytest.raises(FileNotFoundError, match=r'config\.json'):
        Grounder.from_pretrained(copy, device='cpu')


def test_a_name_with_a_version_stays_whole(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / 'kitchen-v1.5')
    again = Grounder.from_pretrained(copy, device='cpu').save_pretrained(tmp_path / 'again')

    assert json.loads((again / 'config.json').read_text())['name'] == 'kitchen-v1.5'


def test_the_config_is_plain_json(folder):
    document = json.loads((folder / 'config.json').read_text())

    assert document['model']['type'] == 'SpatioTemporalGrounder'
    assert document['model']['backbone']['source'] == 'stgr://clip_tiny'
    assert document['format'] == 'stgr-model/1'


def test_settings_reach_the_grounder(folder):
    door = Grounder.from_pretrained(folder, device='cpu', rate_fps=3, max_gap_sec=1.5)

    assert (door.inferencer.rate_fps, door.inferencer.max_gap_sec) == (3, 1.5)
    with pytest.raises(ValueError, match='rate_fps must be a number > 0'):
        Grounder.from_pretrained(folder, device='cpu', rate_fps=0)
    with pytest.raises(TypeError, match='treshold'):
        Grounder.from_pretrained(folder, device='cpu', treshold=1)


def test_a_saved_model_is_named_like_any_other(ours, folder, tiny_video, tmp_path):
    door = Grounder(folder, device='cpu', threshold=-1.0)

    assert_same_answers(ours, door, tiny_video)
    assert door.inferencer.judge.calibration is not None
    with pytest.raises(ValueError, match='holds weights of its own; give no --weights'):
        Grounder(folder, weights=folder / 'model.safetensors')
    with pytest.raises(ValueError, match='prompts need --method gem'):
        Grounder(folder, prompts=tmp_path / 'prompts.json')


@pytest.mark.parametrize(
    ('name', 'saved'),
    [
        ('me/kitchen', True),
        ('ours_tiny', False),
        ('ablations/no_such', False),  # a slip in a name of ours is no name of the hub
        ('me/kitchen.py', False),
        ('configs/mine/a.py', False),
        ('a/b/c', False),
    ],
)
def test_names_of_the_hub_are_told_from_ours(name, saved):
    assert is_pretrained(name) is saved


def test_a_folder_is_told_by_what_it_holds(folder, tmp_path, monkeypatch):
    (tmp_path / 'ours_tiny').mkdir()
    (tmp_path / 'converted').mkdir()
    (tmp_path / 'converted' / 'model.json').touch()
    monkeypatch.chdir(tmp_path)

    assert not is_pretrained('ours_tiny')  # an empty folder does not hide the model
    assert not is_pretrained('converted')
    shutil.copytree(folder, tmp_path / 'ours_tiny', dirs_exist_ok=True)
    assert is_pretrained('ours_tiny')
    assert lasting_name('ours_tiny') == str(tmp_path / 'ours_tiny')
    assert lasting_name('converted') == str(tmp_path / 'converted')
    assert lasting_name('mine.py') == str(tmp_path / 'mine.py')
    assert lasting_name('me/kitchen') == 'me/kitchen'


def test_the_command_takes_a_folder_and_a_name_of_the_hub(
    ours, folder, hub, tiny_video, tmp_path, monkeypatch
):
    monkeypatch.setattr(constants, 'HF_HUB_CACHE', str(tmp_path / 'cache'))
    ours.push_to_hub('me/kitchen', token='hf_secret')
    expected = [query.spans for query in ours.ground(tiny_video, queries=QUERIES).queries]

    for name in (str(folder), 'me/kitchen'):
        out = tmp_path / Path(name).name
        argv = ['ground', str(tiny_video), '--model', name, '--threshold', '-1', '--out', str(out)]
        assert main([*argv, '--query', QUERIES[0], '--query', QUERIES[1]]) == 0
        result = load_result(out)
        assert [query.spans for query in result.queries] == expected
        assert result.model.name == name


def test_a_model_of_others_is_refused_before_its_weights_are_downloaded(ours, hub, tmp_path):
    ours.push_to_hub('me/clip', token='hf_secret')
    hub.repositories['me/clip']['files']['config.json'] = b'{"model_type": "clip"}'
    hub.requests.clear()

    with pytest.raises(ValueError, match='a CLIP or SigLIP needs --method gem'):
        Grounder.from_pretrained('me/clip', device='cpu', cache_dir=tmp_path)
    assert not [path for _, path, _ in hub.requests if 'safetensors' in path]


def test_config_and_weights_are_of_one_commit(ours, hub, tmp_path, monkeypatch):
    """Between the two downloads somebody may push."""
    ours.push_to_hub('me/kitchen', token='hf_secret')
    calls = []

    def watch(*given, **settings):
        folder = hub_files(*given, **settings)
        calls.append((settings['revision'], folder.name))
        return folder

    monkeypatch.setattr(pretrained, 'hub_files', watch)
    Grounder.from_pretrained('me/kitchen', device='cpu', cache_dir=tmp_path)

    (asked, commit), (again, _) = calls
    assert (asked, again) == (None, commit)


HARMFUL = {
    'a class by its path': lambda d: d['model'].update(type='os.system'),
    'a part by its path': lambda d: d['model']['loss'].update(type='subprocess.Popen'),
    'a class of torch': lambda d: d['model']['selector'].update(type='torch.nn.Linear'),
    "a class of MMEngine's registry": lambda d: d['model']['selector'].update(type='Sequential'),
    'custom imports': lambda d: d.update(custom_imports={'imports': ['evil']}),
    'custom imports inside': lambda d: d['model'].update(custom_imports=['evil']),
    'a base file': lambda d: d.update(_base_='evil.py'),
    'a private key': lambda d: d['model'].update(_scope_='mmengine'),
    'an absolute path': lambda d: d['model']['backbone'].update(source='/etc'),
    'a path of home': lambda d: d['model']['backbone'].update(source='~/clip'),
    'a hidden folder': lambda d: d['model']['backbone'].update(source='a/.ssh'),
    'a path upwards': lambda d: d['model']['backbone'].update(source='a/../../etc'),
    'a file of weights': lambda d: d['model']['backbone'].update(source='evil/weights.pth'),
    'another scheme': lambda d: d['model']['backbone'].update(source='file://etc/passwd'),
    'a path of Windows': lambda d: d['model']['backbone'].update(source='C:\\evil'),
    'a path of a drive': lambda d: d['model']['backbone'].update(source='C: evil'),
    'a scheme': lambda d: d['model']['backbone'].update(source='file:evil'),
    'a width that fills the memory': lambda d: d['model']['global_head'].update(dim=10**12),
    'a rate that fills the disk': lambda d: d.update(ground_fps=1e9),
    'commands to the terminal': lambda d: d.update(notice='\x1b[2Jall is well'),
    'a loss as the model': lambda d: d.update(model={'type': 'MMSLoss'}),
    'no type': lambda d: d['model'].pop('type'),
    'a type that is a list': lambda d: d['model'].update(type=['SpatioTemporalGrounder']),
    'another format': lambda d: d.update(format='stgr-model/9'),
    'a model that is a text': lambda d: d.update(model='SpatioTemporalGrounder'),
}


@pytest.mark.parametrize('what', HARMFUL)
def test_a_config_that_could_do_harm_is_refused_before_anything_is_built(
    what, stranger, monkeypatch
):
    from stgr.registry import MODELS

    def build(*args, **kwargs):
        raise AssertionError('built')

    copy = stranger(HARMFUL[what])
    monkeypatch.setattr(MODELS, 'build', build)

    with pytest.raises(ValueError, match=re.escape(str(copy / 'config.json'))):
        Grounder.from_pretrained(copy, device='cpu')


def test_a_python_config_beside_it_is_not_looked_at(stranger):
    copy = stranger(lambda document: None)
    (copy / 'config.py').write_text(f'open({str(copy / "ran")!r}, "w")')
    (copy / 'config.json').unlink()

    with pytest.raises(FileNotFoundError, match=r'config\.json'):
        Grounder.from_pretrained(copy, device='cpu')
    assert not (copy / 'ran').exists()


def test_pickled_weights_are_not_read(stranger):
    copy = stranger(lambda document: None)

    class Evil:
        def __reduce__(self):
            return Path.touch, (copy / 'ran',)

    content = pickle.dumps(Evil())
    (copy / 'model.safetensors').write_bytes(content)
    with pytest.raises(ValueError, match=r'model\.safetensors'):
        Grounder.from_pretrained(copy, device='cpu')
    (copy / 'model.safetensors').unlink()
    (copy / 'pytorch_model.bin').write_bytes(content)
    with pytest.raises(FileNotFoundError, match='other weights are not read'):
        Grounder.from_pretrained(copy, device='cpu')
    assert not (copy / 'ran').exists()


def test_weights_of_another_model_are_refused(stranger):
    copy = stranger(lambda document: document['model']['local_head'].update(dim=64))

    with pytest.raises(ValueError, match='of another shape'):
        Grounder.from_pretrained(copy, device='cpu')


def test_a_model_that_reads_files_of_this_machine_cannot_travel(door, tmp_path):
    with pytest.raises(ValueError, match='which others do not have'):
        door.save_pretrained(tmp_path / 'out')
    assert not (tmp_path / 'out').exists()


def test_a_class_from_elsewhere_cannot_travel():
    with pytest.raises(ValueError, match=r'model\.type: torch.*Linear is no part of stgr'):
        plain_config({'type': torch.nn.Linear})


def test_every_model_of_ours_can_travel_or_says_why():
    """Their configs become plain data that passes the check; those that read files are named."""
    reads_files = set()
    for entry in list_models():
        config = load_config(entry.config)
        if 'model' not in config:
            continue
        try:
            check_plain_config(plain_config(config.model.to_dict()), 'model')
        except ValueError as error:
            assert 'may be a file' in str(error)  # noqa: PT017 - the others pass
            reads_files.add(entry.name.split('/')[0])
    assert not {'ours_clip', 'gem_clip', 'gem_siglip2'} & reads_files
    assert len(reads_files) < 12


@pytest.fixture
def hub(monkeypatch):
    """The only hub there is, on this machine; the network is on for it."""
    with FakeHub() as fake:
        monkeypatch.setattr(constants, 'ENDPOINT', fake.url)
        template = fake.url + '/{repo_id}/resolve/{revision}/{filename}'
        monkeypatch.setattr(constants, 'HUGGINGFACE_CO_URL_TEMPLATE', template)
        monkeypatch.setattr(constants, 'HF_HUB_OFFLINE', False)
        yield fake


def test_a_model_goes_to_the_hub_and_comes_back(ours, hub, tmp_path, tiny_video):
    url = ours.push_to_hub(
        'me/kitchen', private=True, token='hf_secret', licence='apache-2.0', scores={'IoU': 0.25}
    )

    stored = hub.repositories['me/kitchen']
    assert stored['private']
    names = ['README.md', 'config.json', 'model.calibration.json', 'model.safetensors']
    assert sorted(stored['files']) == names
    assert stored['message'] == 'Upload a grounder of stgr'
    assert url.startswith(f'{hub.url}/me/kitchen/commit/')
    assert {auth for verb, _, auth in hub.requests if verb == 'POST'} == {'Bearer hf_secret'}
    card = stored['files']['README.md'].decode()
    assert card.startswith('---\nlibrary_name: stgr\n')
    assert 'Grounder.from_pretrained("me/kitchen")' in card
    again = Grounder.from_pretrained('me/kitchen', device='cpu', cache_dir=tmp_path, threshold=-1.0)
    assert_same_answers(ours, again, tiny_video)
    assert again.facts.name == 'me/kitchen'


def test_only_the_three_files_are_downloaded(ours, hub, tmp_path):
    ours.push_to_hub('me/kitchen', token='hf_secret')
    hub.repositories['me/kitchen']['files']['modeling.py'] = b'raise SystemExit'

    Grounder.from_pretrained('me/kitchen', device='cpu', cache_dir=tmp_path)

    assert not [path for _, path, _ in hub.requests if 'modeling' in path]
    assert not list(tmp_path.rglob('*.py'))


def test_offline_the_cache_answers_and_nothing_is_asked(ours, hub, tmp_path, monkeypatch):
    ours.push_to_hub('me/kitchen', token='hf_secret')
    Grounder.from_pretrained('me/kitchen', device='cpu', cache_dir=tmp_path)
    monkeypatch.setattr(constants, 'HF_HUB_OFFLINE', True)
    hub.requests.clear()

    Grounder.from_pretrained('me/kitchen', device='cpu', cache_dir=tmp_path)

    assert hub.requests == []
    with pytest.raises(FileNotFoundError, match=r'me/other .* offline \(HF_HUB_OFFLINE'):
        Grounder.from_pretrained('me/other', device='cpu', cache_dir=tmp_path)
    with pytest.raises(ValueError, match='HF_HUB_OFFLINE is set; unset it'):
        ours.push_to_hub('me/kitchen')
    assert hub.requests == []


def test_without_an_answer_the_cache_does_and_damage_is_refused(ours, hub, tmp_path, monkeypatch):
    ours.push_to_hub('me/kitchen', token='hf_secret')
    Grounder.from_pretrained('me/kitchen', device='cpu', cache_dir=tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(constants, 'ENDPOINT', 'http://127.0.0.1:1')
        Grounder.from_pretrained('me/kitchen', device='cpu', cache_dir=tmp_path)
        with pytest.raises(FileNotFoundError, match=r'from the hub: .*; check the network'):
            Grounder.from_pretrained('me/other', device='cpu', cache_dir=tmp_path)

    monkeypatch.setattr('stgr.io.hub._listed', lambda name, **where: {
        file: SimpleNamespace(lfs=SimpleNamespace(sha256='0' * 64), blob_id=None, size=1)
        for file in hub.repositories[name]['files']
    })  # fmt: skip
    with pytest.raises(FileNotFoundError, match=r'config\.json came damaged .* try again'):
        Grounder.from_pretrained('me/kitchen', device='cpu', cache_dir=tmp_path / 'new')


@pytest.mark.parametrize(
    ('name', 'message'),
    [
        ('me/nothing', r'could not be had from the hub: .* no such model for you \(status 404\)'),
        ('/no/such/folder', 'no folder /no/such/folder, and no name of the hub'),
        ('../up', r'no folder \.\./up'),
    ],
)
def test_what_is_not_there_is_one_line(name, message, hub, tmp_path):
    with pytest.raises(FileNotFoundError, match=message):
        Grounder.from_pretrained(name, device='cpu', cache_dir=tmp_path)


def test_a_folder_has_no_revision(folder):
    with pytest.raises(ValueError, match=r"no revision 'v1'"):
        Grounder.from_pretrained(folder, revision='v1')


def test_a_card_says_what_is_not_known():
    card = ModelCard('mine', notice='knows only kitchens').text()

    assert 'license:' not in card
    assert 'No licence was given' in card
    assert 'None were given with the model.' in card
    assert 'Knows only kitchens.' in card
    with pytest.raises(ValueError, match=r'identifier such as apache-2\.0'):
        ModelCard('mine', licence='free\nfor: all')
