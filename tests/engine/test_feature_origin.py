from stgr.datasets.transforms import LoadFeatures, PackClip
from stgr.engine.feature_origin import expect_features_of


def test_every_pipeline_gets_the_fingerprint_wherever_it_is():
    loaders = [
        {'dataset': {'pipeline': [{'type': LoadFeatures, 'store_dir': 'a'}, {'type': PackClip}]}},
        {'dataset': {'datasets': [{'pipeline': [{'type': 'stgr.LoadFeatures'}]}]}},
        None,
    ]
    wanted = {'backbone_sha256': 'abc', 'grid': (7, 7)}

    expect_features_of(wanted, loaders)

    assert loaders[0]['dataset']['pipeline'][0]['provenance'] == wanted
    assert loaders[1]['dataset']['datasets'][0]['pipeline'][0]['provenance'] == wanted
    assert loaders[0]['dataset']['pipeline'][1] == {'type': PackClip}


def test_provenance_that_a_config_names_is_kept():
    step = {'type': LoadFeatures, 'store_dir': 'a', 'provenance': {'backbone_sha256': 'mine'}}
    expect_features_of({'backbone_sha256': 'abc'}, {'dataset': {'pipeline': [step]}})

    assert step['provenance'] == {'backbone_sha256': 'mine'}
