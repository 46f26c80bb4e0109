"""A small zoo in a folder of its own, and a way to change one field of it."""

import hashlib

import pytest
import yaml

WEIGHTS = bytes(range(256)) * 40


@pytest.fixture
def small_zoo(tmp_path):
    """Return a function that writes a zoo of one model and one table, changed as asked."""

    def write(change=lambda zoo: None):
        zoo = {
            'tables': {
                'kitchen': {
                    'title': 'Kitchen',
                    'protocol': 'tiny_kitchen',
                    'data': 'ten videos',
                    'command': 'python tools/ablate.py configs/egg.py --seeds 3',
                    'environment': 'torch 2',
                    'seeds': 3,
                    'columns': ['where', 'when'],
                    'rows': ['egg', 'chance'],
                    'controls': {'chance': {'where': '11.0 ± 0.0'}},
                    'findings': ['It is {{egg / where | rounded}} %.'],
                }
            },
            'models': {
                'egg': {
                    'config': 'egg.py',
                    'summary': 'finds eggs',
                    'weights': {
                        'source': 'download',
                        'files': [
                            {
                                'path': 'egg.safetensors',
                                'sha256': hashlib.sha256(WEIGHTS).hexdigest(),
                                'bytes': len(WEIGHTS),
                                'url': 'https://example.org/egg.safetensors',
                            }
                        ],
                    },
                    'licence': 'Apache-2.0',
                    'data': 'eggs',
                    'limits': ['eggs only'],
                    'scores': {'kitchen': {'where': '78.3 ± 1.2', 'when': '-1.5 [-2.0, -1.0]'}},
                }
            },
        }
        change(zoo)
        folder = tmp_path / 'configs'
        folder.mkdir(exist_ok=True)
        (folder / 'egg.py').write_text('model = {}\n')
        text = yaml.safe_dump(zoo, allow_unicode=True, sort_keys=False)
        (folder / 'metafile.yml').write_text(text, encoding='utf-8')
        return folder

    return write
