"""Videos as other programs write them."""

import cv2
import numpy as np

FPS = 10


def write_with(path, codec, frames=20, pixels='yuv420p'):
    """Write a video of two seconds by another codec than ours."""
    import av

    with av.open(str(path), 'w') as output:
        stream = output.add_stream(codec, rate=FPS)
        stream.width, stream.height, stream.pix_fmt = 64, 48, pixels
        for i in range(frames):
            picture = np.full((48, 64, 3), 10 * i, np.uint8)
            cv2.circle(picture, (3 * i, 24), 8, (255, 200, 0), -1)
            frame = av.VideoFrame.from_ndarray(picture, format='rgb24')
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path
