// The body of a function of Gradio's: element, trigger, props, server and watch are its parameters.
// Before it stands what it shares with the report: clock and makeSeekable (curve_script.py).
const HEAT_OPACITY = 0.55;
const SHIFT_SEC = 0.01; // players round, and the frame before a span's start is none of it
const find = (selector) => element.querySelector(selector);
const video = find('video'), canvas = find('canvas'), slider = find('.slider');
const SVG = 'http://www.w3.org/2000/svg';
let view = null, rows = [], position = 0, asked = null, waiting = null, dragging = false;

function unpack(text, Kind) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return new Kind(bytes.buffer);
}

function make(kind, name, text) {
  const made = document.createElement(kind);
  if (name) made.className = name;
  if (text !== undefined) made.textContent = text;
  return made;
}

function draw(parent, kind, attributes) {
  const made = document.createElementNS(SVG, kind);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  parent.append(made);
  return made;
}

// The last index whose time is not after a moment, -1 if there is none.
function lastAt(times, moment) {
  let low = 0, high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] <= moment + 1e-6) low = middle + 1; else high = middle;
  }
  return low - 1;
}

function say(selector, text) {
  const place = find(selector);
  place.textContent = text;
  place.hidden = !text;
}

function seek(time) {
  position = Math.min(Math.max(0, time), view.video.duration);
  video.currentTime = position;
  follow(position);
}

// ---- the rows below the video ----

function x(time) { return time / view.video.duration * 1000; }
function y(score) {
  const [low, high] = view.range;
  return 96 - (score - low) / (high - low) * 92;
}

function buildRow(query, index) {
  const row = make('div', 'answer'), heading = make('h3');
  const swatch = make('span', 'swatch');
  const colour = 'rgb(' + query.colour.join(',') + ')';
  swatch.style.background = colour;
  heading.append(swatch, query.text);
  const verdict = make('span', 'verdict'), curve = make('div', 'curve'), spans = make('div', 'spans');
  curve.tabIndex = 0;
  curve.setAttribute('role', 'slider');
  curve.setAttribute('aria-label', 'Time in the curve of ' + query.text);
  curve.setAttribute('aria-valuemin', 0);
  curve.setAttribute('aria-valuemax', view.video.duration.toFixed(2));
  const svg = draw(curve, 'svg', { viewBox: '0 0 1000 100', preserveAspectRatio: 'none',
    'aria-hidden': true });
  const bars = draw(svg, 'g', { fill: colour, opacity: 0.35 });
  const scores = unpack(query.scores, Float32Array);
  let path = '';
  scores.forEach((score, i) => {
    const end = i + 1 < rows.times.length ? rows.times[i + 1] : view.video.duration;
    path += (i ? 'L' : 'M') + x(rows.times[i]).toFixed(2) + ' ' + y(score).toFixed(2) +
      'H' + x(end).toFixed(2);
  });
  draw(svg, 'path', { d: path, fill: 'none', stroke: colour, 'stroke-width': 1.6 });
  const limit = draw(svg, 'line', { class: 'limit', x1: 0, x2: 1000 });
  const head = draw(svg, 'line', { class: 'head', y1: 0, y2: 100 });
  makeSeekable(curve, video, () => view.video.duration, () => position, seek);
  row.append(heading, verdict, curve, spans);
  find('.rows').append(row);
  const best = scores.reduce((top, score, i) => score > scores[top] ? i : top, 0);
  return { query, verdict, curve, bars, limit, head, spans, best, buttons: [] };
}

function showSpans(row, spans, threshold) {
  row.bars.replaceChildren();
  row.spans.replaceChildren();
  row.buttons = spans.map(([start, end, score, right]) => {
    draw(row.bars, 'rect', { x: x(start), width: x(end) - x(start), y: 0, height: 100 });
    const button = make('button', 'span', clock(start) + ' – ' + clock(end));
    button.type = 'button';
    button.title = 'mean similarity ' + score.toFixed(3) +
      (right === null ? '' : ', right with probability ' + right.toFixed(2));
    button.setAttribute('aria-label', row.query.text + ': ' + button.textContent);
    button.addEventListener('click', () => seek(start + SHIFT_SEC));
    row.spans.append(button);
    return { button, start, end };
  });
  const best = row.query.score.toFixed(3) + ' at ' + clock(rows.times[row.best]);
  const happens = row.query.probability;
  row.verdict.textContent = (spans.length
    ? 'found, best score ' + best
    : whyNot(row.query.score, threshold) + '; best score ' + best) +
    (happens === null ? '' : '; it happens with probability ' + happens.toFixed(2));
}

// A frame may reach the threshold and yet make no span.
function whyNot(score, threshold) {
  const reasons = [];
  if (view.exclusive) reasons.push('where others of the pool are higher');
  if (view.shortest) reasons.push('for less than ' + view.shortest + ' s on end');
  if (score < threshold) return 'does not occur above the threshold';
  return reasons.length ? 'is above the threshold only ' + reasons.join(' or ') : 'is not found';
}

function showThreshold(value) {
  find('.value').textContent = value.toFixed(3);
  slider.setAttribute('aria-valuetext', value.toFixed(3));
  for (const row of rows) {
    row.limit.setAttribute('y1', y(value));
    row.limit.setAttribute('y2', y(value));
  }
}

function showFound() {
  const found = rows.filter((row) => row.buttons.length).length;
  say('.summary', found + ' of ' + rows.length + (rows.length === 1 ? ' query' : ' queries') +
    ' found' + (view.exclusive ? ', as a pool: each moment shows one at most' : ''));
}

// ---- what follows playback ----

function follow(time) {
  position = time;
  for (const row of rows) {
    row.head.setAttribute('x1', x(time));
    row.head.setAttribute('x2', x(time));
    row.curve.setAttribute('aria-valuenow', time.toFixed(2));
    row.curve.setAttribute('aria-valuetext', clock(time));
    for (const span of row.buttons) {
      span.button.setAttribute('aria-current', time >= span.start && time < span.end);
    }
  }
  paint(time);
}

function paint(time) {
  const ratio = window.devicePixelRatio || 1;
  const width = Math.round(canvas.clientWidth * ratio);
  const height = Math.round(canvas.clientHeight * ratio);
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  const pen = canvas.getContext('2d');
  pen.clearRect(0, 0, width, height);
  let labels = 0;
  canvas.dataset.painted = '';
  for (const row of rows) {
    // Only what was computed is painted: inside the spans that are shown and were asked for.
    if (!row.places || !row.buttons.some((s) => time >= s.start && time < s.end)) continue;
    const step = row.places.step;
    const at = lastAt(row.places.times, time);
    if (at < 0 || time - row.places.times[at] > step) continue;
    canvas.dataset.painted += (labels ? ' | ' : '') + row.query.text;
    if (find('.with-heat').checked) paintHeat(pen, row, at, width, height);
    const box = lastAt(row.places.boxTimes, time);
    const isNow = box >= 0 && time - row.places.boxTimes[box] <= step;
    if (find('.with-boxes').checked && isNow) paintBox(pen, row, box, width, height);
    paintLabel(pen, row, labels++, ratio);
  }
}

function paintHeat(pen, row, at, width, height) {
  const [tall, wide] = row.places.grid, [red, green, blue] = row.query.colour;
  const small = row.places.small;
  const picture = new ImageData(wide, tall);
  for (let cell = 0; cell < tall * wide; cell++) {
    const heat = row.places.heat[at * tall * wide + cell];
    picture.data.set([red, green, blue, Math.round(heat * HEAT_OPACITY)], 4 * cell);
  }
  small.getContext('2d').putImageData(picture, 0, 0);
  pen.imageSmoothingEnabled = true;
  pen.imageSmoothingQuality = 'high';
  pen.drawImage(small, 0, 0, width, height);
}

function paintBox(pen, row, at, width, height) {
  const [left, top, right, bottom] = row.places.boxes.subarray(4 * at, 4 * at + 4);
  if (right <= left) return;
  const across = width / view.video.width, down = height / view.video.height;
  const place = [left * across, top * down, (right - left) * across, (bottom - top) * down];
  for (const [line, colour] of [[5, '#fff'], [3, 'rgb(' + row.query.colour.join(',') + ')']]) {
    pen.lineWidth = line * (window.devicePixelRatio || 1);
    pen.strokeStyle = colour;
    pen.strokeRect(...place);
  }
}

function paintLabel(pen, row, index, ratio) {
  const size = 15 * ratio, [red, green, blue] = row.query.colour;
  pen.font = '600 ' + size + 'px system-ui, sans-serif';
  const text = row.query.text.length > 60 ? row.query.text.slice(0, 59) + '…' : row.query.text;
  const top = index * size * 1.6;
  pen.fillStyle = 'rgb(' + row.query.colour.join(',') + ')';
  pen.fillRect(0, top, pen.measureText(text).width + size, size * 1.5);
  pen.fillStyle = 0.299 * red + 0.587 * green + 0.114 * blue > 140 ? '#000' : '#fff';
  pen.fillText(text, size / 2, top + size * 1.08);
}

// ---- the threshold ----

// One question is under way at a time; of those asked meanwhile the last one counts.
async function ask(value) {
  if (asked !== null) { waiting = value; return; }
  asked = value;
  const key = view.answer;
  try {
    const answer = await server.spans_at({ answer: key, threshold: value });
    if (view.answer === key) {
      say('.trouble', answer.trouble || '');
      (answer.spans || []).forEach((spans, i) => showSpans(rows[i], spans, value));
      showFound();
      follow(position);
    }
  } catch (error) {
    say('.trouble', 'The server does not answer; is stgr demo still running?');
  }
  asked = null;
  if (waiting !== null) {
    const next = waiting;
    waiting = null;
    ask(next);
  }
}

function move(value) {
  showThreshold(value);
  ask(value);
}

slider.addEventListener('input', () => {
  dragging = true;
  move(Number(slider.value));
});
slider.addEventListener('change', () => {
  dragging = false;
  trigger('release', { answer: view.answer, threshold: Number(slider.value) });
});
find('.calibrated').addEventListener('click', () => {
  slider.value = view.calibrated;
  move(view.calibrated);
  trigger('release', { answer: view.answer, threshold: view.calibrated });
});
for (const name of ['.with-heat', '.with-boxes']) {
  find(name).addEventListener('change', () => paint(position));
}

// ---- what comes from the server ----

function show() {
  const next = props.value;
  if (!next || !next.video) return;
  const sameVideo = view && view.video.url === next.video.url;
  view = next;
  find('.empty').hidden = true;
  find('.shown').hidden = false;
  say('.about', view.video.name + ' · ' + clock(view.video.duration) + ' · ' + view.video.width +
    ' × ' + view.video.height + (view.video.converted ? ' · converted for the browser' : ''));
  find('.about').title = view.video.warnings.join('; ');
  const stage = find('.stage'), { width, height } = view.video;
  stage.style.aspectRatio = width + ' / ' + height;
  stage.style.width = 'min(100%, calc(48vh * ' + (width / height).toFixed(4) + '))';
  say('.trouble', view.video.warnings.join('; '));
  if (!sameVideo) {
    video.src = view.video.url;
    position = view.video.start;
    if (position) video.currentTime = position;
  }
  find('.rows').replaceChildren();
  rows = [];
  find('.answered').hidden = !view.queries;
  if (view.queries) showAnswer();
  follow(position);
}

function showAnswer() {
  rows.times = unpack(view.times, Float64Array);
  const step = rows.times.length > 1 ? rows.times[1] - rows.times[0] : view.video.duration;
  for (const query of view.queries) {
    const row = buildRow(query, rows.length);
    if (query.places) {
      const [tall, wide] = query.places.grid, small = make('canvas');
      small.width = wide;
      small.height = tall;
      row.places = { small, grid: query.places.grid, step: 1.5 * step,
        times: unpack(query.places.times, Float64Array),
        heat: unpack(query.places.heat, Uint8Array),
        boxTimes: unpack(query.places.box_times, Float64Array),
        boxes: unpack(query.places.boxes, Float32Array) };
    }
    rows.push(row);
    showSpans(row, query.spans, view.threshold);
  }
  const axis = make('div', 'clock');
  for (let i = 0; i <= 4; i++) {
    const long = view.video.duration > 20;
    axis.append(make('span', '', clock(view.video.duration * i / 4, long ? 0 : 1)));
  }
  find('.rows').append(axis);
  [slider.min, slider.max] = view.range;
  showFound();
  if (dragging) { // an answer to an earlier question must not move the slider under the hand
    move(Number(slider.value));
  } else {
    slider.value = view.threshold;
    showThreshold(view.threshold);
  }
}

video.addEventListener('error', () => {
  if (video.getAttribute('src')) {
    say('.trouble', 'This browser cannot play the video; spans and scores still hold.');
  }
});
for (const name of ['timeupdate', 'seeked', 'loadeddata']) {
  video.addEventListener(name, () => follow(video.currentTime));
}
function everyFrame() {
  follow(video.currentTime);
  video.requestVideoFrameCallback(everyFrame);
}
if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(everyFrame);
new ResizeObserver(() => paint(position)).observe(find('.stage'));
watch('value', show);
show();
