import json

import pytest


@pytest.fixture
def write_json(tmp_path):
    def write(name, content):
        (tmp_path / name).write_text(json.dumps(content))
        return tmp_path / name

    return write
