"""What the scripts of our pages share that have a video above curves over time."""

CURVE_SCRIPT = """
function clock(time, digits = 1) {
  const tenths = Math.round(time * 10);
  const minutes = Math.floor(tenths / 600) % 60, hours = Math.floor(tenths / 36000);
  const pad = (number) => String(number).padStart(2, '0');
  const seconds = pad(Math.floor(tenths / 10) % 60) + (digits ? '.' + (tenths % 10) : '');
  return hours ? hours + ':' + pad(minutes) + ':' + seconds : minutes + ':' + seconds;
}

// A press on a curve, and keys in it, move to a time; Space plays the video, if there is one.
function makeSeekable(curve, video, duration, position, seek) {
  curve.addEventListener('click', (event) => {
    const box = curve.getBoundingClientRect();
    seek((event.clientX - box.left) / box.width * duration());
  });
  curve.addEventListener('keydown', (event) => {
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowDown: -1, ArrowUp: 1, PageDown: -10,
      PageUp: 10, Home: -Infinity, End: Infinity };
    if (event.key === ' ' && video) {
      if (video.paused) video.play(); else video.pause();
    } else if (event.key in steps) {
      seek(position() + steps[event.key]);
    } else {
      return;
    }
    event.preventDefault();
  });
}
"""
