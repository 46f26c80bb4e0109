"""Annotations of one video 'v' of three seconds, in the format of each benchmark."""

import json
import pickle

import numpy as np


def write_mining_youtube(root):
    (root / 'weakYouTube_dict.txt').write_text('crack_egg\nbackground\n')
    (root / 'videos_test.txt').write_text('v\n')
    (root / 'annotations.tar.gz').mkdir()  # a folder will do
    line = '1\n00:00:01,000 --> 00:00:02,000\ncrack_eggs\n'
    (root / 'annotations.tar.gz' / 'v.srt').write_text(line)


def write_youcook_interactions(root):
    boxes = pickle.dumps({'v': {2: (8, 8, 40, 40)}})
    (root / 'final_dataset_annotations.pkl').write_bytes(boxes)
    (root / 'final_dataset_segments.pkl').write_bytes(pickle.dumps({('v', 1, 3)}))
    sentence = {'segment': [1, 3], 'id': 0, 'sentence': 'stir it'}
    entry = {'duration': 3, 'annotations': [sentence]}
    text = json.dumps({'database': {'v': entry}})
    (root / 'youcookii_annotations_trainval.json').write_text(text)


def write_vhico(root):
    image = {'path': 'x/000001.jpg', 'label': 'folding bike', 'width': 64, 'height': 64}
    image |= {'human': [[1, 2, 30, 40]], 'object': [[20, 20, 60, 60]]}
    unboxed = image | {'path': 'x/000002.jpg', 'human': [], 'object': []}
    content = {'annos': {'folding bike': {'v': [image, unboxed]}}}
    for split in ('test', 'unseen'):
        (root / f'gt_bbox_{split}.json').write_bytes(pickle.dumps(content, protocol=2))


def write_daly(root):
    frame = {'frameNumber': 1, 'time': 1.0, 'boundingBox': np.array([[0.1, 0.2, 0.5, 0.6]])}
    frame |= {'objects': np.zeros((0, 7)), 'pose': np.zeros((1, 14))}
    drink = {'beginTime': 0, 'endTime': 2, 'flags': {}, 'keyframes': [frame]}
    content = {
        'labels': ['Drinking'],
        'joints': [],
        'objectList': [],
        'splits': [['v.mp4']],
        'metadata': {'v.mp4': {'duration': 3.0, 'fps': 10.0, 'nbframes_ffmpeg': 30}},
        'annot': {'v.mp4': {'suggestedClass': 'Drinking', 'annot': {'Drinking': [drink]}}},
    }
    (root / 'daly1.1.0.pkl').write_bytes(pickle.dumps(content, protocol=2))


def write_vidstg(root):
    entry = {
        'vid': 'v', 'frame_count': 30, 'fps': 10.0, 'width': 128, 'height': 96,
        'used_segment': {'begin_fid': 0, 'end_fid': 30},
        'temporal_gt': {'begin_fid': 4, 'end_fid': 8},
        'captions': [{'description': 'a dog', 'type': 'subject', 'target_id': 0}],
        'questions': [{'description': 'who?', 'type': 'object', 'target_id': 0}],
    }  # fmt: skip
    (root / 'test_annotations.json').write_text(json.dumps([entry]))
    (root / 'vidor').mkdir()
    corners = {'xmin': 10, 'ymin': 2, 'xmax': 90, 'ymax': 80}
    frames = [[{'tid': 0, 'bbox': corners, 'generated': 0, 'tracker': 'none'}]] * 30
    (root / 'vidor' / 'v.json').write_text(json.dumps({'video_id': 'v', 'trajectories': frames}))


def write_hc_stvg(root):
    entry = {'bbox': [[1, 2, 30, 40]] * 5, 'st_frame': 7, 'img_num': 200, 'width': 64, 'height': 48}
    for name in ('test.json', 'val_v2.json'):
        text = json.dumps({'v.mp4': entry | {'caption': 'she turns'}})
        (root / name).write_text(text)


def write_clips(root):
    boxes = [{'second': 1, 'box': [4, 4, 40, 40], 'step_name': 'stir'}]
    (root / 'box_anno.json').write_text(json.dumps({'v': boxes}))
    (root / 'id2wh_new.json').write_text(json.dumps({'v': [64, 48]}))
    steps = json.dumps({'v': [{'segment': [0, 3], 'id': 0, 'sentence': 'stir'}]})
    (root / 'seg.json').write_text(steps)
    (root / 'ground_seg_3to20.json').write_text(steps)
