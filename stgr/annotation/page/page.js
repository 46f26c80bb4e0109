'use strict';
// One rule: the page shows an answer only after the server has saved it.

const byId = (id) => document.getElementById(id);
const STATUS_WORDS = { cannot_solve: 'Cannot solve', corrupt: 'Corrupt' };
const CURSOR_STEP = 0.02;  // of the frame's sides

let annotator = null;
let videos = [];
let packages = [];  // of all videos: { video, step, name, first, last }
let current = 0;    // position in packages
let second = 0;
let cursor = null;  // x and y in pixels of the frame, moved by the keyboard
let busy = false;   // an answer is being saved: nothing else is answered or shown until it is

async function ask(place, body) {
  const options = body === undefined ? {} : {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body),
  };
  const response = await fetch(place, options);
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error);
  return answer;
}

function tell(error) {
  byId('saved').textContent = '';
  const lost = error instanceof TypeError;  // what fetch throws when nobody answers
  byId('trouble').textContent = lost
    ? 'Not saved: the server does not answer. Start stgr annotate again; what was saved is safe.'
    : 'Not saved: ' + error.message;
  byId('trouble').hidden = false;
}

const key = (step, at) => step + ':' + at;
const answerAt = (work, at) => videos[work.video].answers.get(key(work.step, at));

function remember(video, answer) {
  const answers = videos[video].answers;
  if (answer.status === 'open') answers.delete(key(answer.step, answer.second));
  else answers.set(key(answer.step, answer.second), answer);
}

function countAnswered(work) {
  let count = 0;
  for (let at = work.first; at <= work.last; at++) count += answerAt(work, at) ? 1 : 0;
  return count;
}

const size = (work) => work.last - work.first + 1;

// ---- what is shown

function clock(at) {
  return Math.floor(at / 60) + ':' + String(at % 60).padStart(2, '0');
}

function element(tag, className, text) {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

function drawPackages() {
  const list = byId('packages');
  list.replaceChildren();
  let answered = 0, all = 0, shownVideo = -1;
  packages.forEach((work, index) => {
    if (work.video !== shownVideo) {
      list.append(element('h3', '', videos[work.video].id));
      shownVideo = work.video;
    }
    const count = countAnswered(work);
    answered += count;
    all += size(work);
    const done = count === size(work);
    const button = element('button', 'package' + (done ? ' done' : ''), '');
    const name = element('span', 'name', work.name);
    name.append(element('small', 'number', clock(work.first) + ' to ' + clock(work.last)));
    button.append(name, element('span', 'count number', (done ? '✓ ' : '') + count + '/' + size(work)));
    button.setAttribute('aria-current', index === current);
    button.addEventListener('click', () => { if (!busy) open(index); button.blur(); });
    list.append(button);
  });
  byId('total').textContent = answered + ' of ' + all + ' frames';
  byId('total-bar').value = all ? answered / all : 0;
  list.querySelector('[aria-current=true]').scrollIntoView({ block: 'nearest' });
}

function drawStrip() {
  const work = packages[current];
  const strip = byId('strip');
  strip.replaceChildren();
  for (let at = work.first; at <= work.last; at++) {
    const answer = answerAt(work, at);
    const button = element('button', 'frame ' + (answer ? answer.status : 'open'), clock(at));
    button.setAttribute('aria-current', at === second);
    button.title = answer ? answer.status.replace('_', ' ') : 'open';
    button.addEventListener('click', () => { if (!busy) show(at); });
    strip.append(button);
  }
}

function place(mark, x, y) {
  const video = videos[packages[current].video];
  const stage = byId('stage');
  mark.toggleAttribute('hidden', x === null);
  if (x !== null) {
    const left = x / video.width * stage.clientWidth, top = y / video.height * stage.clientHeight;
    mark.setAttribute('transform', 'translate(' + left + ' ' + top + ')');
  }
}

function fitStage() {
  const video = videos[packages[current].video];
  const stage = byId('stage');
  const width = stage.parentElement.clientWidth;
  const height = Math.max(240, window.innerHeight - 320);
  const scale = Math.min(width / video.width, height / video.height);
  stage.style.width = Math.round(video.width * scale) + 'px';
  stage.style.height = Math.round(video.height * scale) + 'px';
}

const pictureAt = (work, at) => 'frame/' + work.video + '/' + at + '.jpg';

function draw() {
  const work = packages[current];
  const answer = answerAt(work, second);
  fitStage();
  byId('video-name').textContent = videos[work.video].id;
  byId('action').textContent = work.name;
  const picture = byId('picture');
  if (picture.getAttribute('src') !== pictureAt(work, second)) picture.src = pictureAt(work, second);
  picture.alt = videos[work.video].id + ' at ' + clock(second);
  place(byId('point'), answer && answer.status === 'point' ? answer.x : null, answer ? answer.y : null);
  place(byId('cursor'), cursor ? cursor.x : null, cursor ? cursor.y : null);
  const verdict = answer ? STATUS_WORDS[answer.status] : undefined;
  byId('verdict').hidden = !verdict;
  byId('verdict').textContent = verdict || '';
  byId('verdict').className = answer ? answer.status : '';
  const done = countAnswered(work) === size(work);
  byId('where').textContent = 'Frame ' + (second - work.first + 1) + ' of ' + size(work)
    + (done ? '. This package is done.' : '');
  byId('next-package').hidden = !done || packages.every((each) => countAnswered(each) === size(each));
  drawPackages();
  drawStrip();
  for (const at of [second + 1, second + 2]) if (at <= work.last) new Image().src = pictureAt(work, at);
}

function show(at) {
  const work = packages[current];
  second = Math.min(Math.max(at, work.first), work.last);
  cursor = null;
  draw();
}

function open(index) {
  current = index;
  const work = packages[current];
  let at = work.first;
  while (at < work.last && answerAt(work, at)) at++;  // the first open frame, if there is one
  show(answerAt(work, at) ? work.first : at);
}

function openNext() {
  for (let step = 1; step <= packages.length; step++) {
    const index = (current + step) % packages.length;
    if (countAnswered(packages[index]) < size(packages[index])) return open(index);
  }
  byId('saved').textContent = 'All frames are answered';
}

// ---- what is done

function save(status, point) {
  const work = packages[current];
  const at = second;
  // Only what is in sight is answered: a hasty second press must not reach the frame behind.
  if (!byId('picture').complete) return;
  send('save', { annotator, video: work.video, step: work.step, second: at, status, ...point }, (answer) => {
    remember(work.video, answer);
    byId('saved').textContent = status === 'open' ? 'Taken back' : 'Saved';
    show(status !== 'open' && byId('advance').checked ? at + 1 : at);
  });
}

async function send(place, body, then) {
  if (busy) return;
  busy = true;
  try {
    const answer = await ask(place, body);
    byId('trouble').hidden = true;
    then(answer);
  } catch (error) {
    tell(error);
  } finally {
    busy = false;
  }
}

function undo() {
  const video = packages[current].video;
  send('undo', { annotator, video }, (answer) => {
    if (answer === null) { byId('saved').textContent = 'Nothing to undo'; return; }
    remember(video, answer);
    byId('saved').textContent = 'Undone';
    current = packages.findIndex((work) => work.video === video && work.step === answer.step
      && work.first <= answer.second && answer.second <= work.last);
    show(answer.second);
  });
}

function setAt(x, y) {
  if (!byId('picture').naturalWidth) return;  // no point in a picture that is not there
  const video = videos[packages[current].video];
  const inside = (value, side) => Math.round(Math.min(Math.max(value, 0), side) * 10) / 10;
  save('point', { x: inside(x, video.width), y: inside(y, video.height) });
}

function setAtCursor() {
  if (cursor) setAt(cursor.x, cursor.y);
  else moveCursor(0, 0);  // the first press shows where it would go
}

function moveCursor(right, down) {
  const video = videos[packages[current].video];
  const answer = answerAt(packages[current], second);
  const from = cursor || (answer && answer.status === 'point' ? answer : { x: video.width / 2, y: video.height / 2 });
  const clip = (value, side) => Math.min(Math.max(value, 0), side);
  cursor = {
    x: clip(from.x + right * CURSOR_STEP * video.width, video.width),
    y: clip(from.y + down * CURSOR_STEP * video.height, video.height),
  };
  draw();
}

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const ACTIONS = {
  set: setAtCursor,
  unset: () => save('open'),
  undo,
  cannot_solve: () => save('cannot_solve'),
  corrupt: () => save('corrupt'),
  previous: () => show(second - 1),
  next: () => show(second + 1),
  'next-package': openNext,
};
const KEYS = {
  Enter: ACTIONS.set, u: ACTIONS.unset, z: ACTIONS.undo, c: ACTIONS.cannot_solve,
  x: ACTIONS.corrupt, ArrowLeft: ACTIONS.previous, ArrowRight: ACTIONS.next,
  n: openNext,
};

function onKey(event) {
  // Ctrl-C copies and Ctrl-R reloads; only Ctrl-Z means what it means everywhere.
  const ctrl = event.ctrlKey || event.metaKey;
  if (byId('desk').hidden || event.altKey || (ctrl && event.key !== 'z')) return;
  if (event.key === 'Enter' && event.target.closest('button, summary, input')) return;
  const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (busy && (name in KEYS || name in ARROWS)) { event.preventDefault(); return; }
  if (event.shiftKey && name in ARROWS) moveCursor(...ARROWS[name]);
  else if (name in KEYS) { if (event.repeat && !name.startsWith('Arrow')) return; KEYS[name](); }
  else return;
  event.preventDefault();
}

function listen() {
  byId('stage').addEventListener('mousedown', (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    if (event.detail > 1) return;  // the second half of a double click would answer the next frame
    const video = videos[packages[current].video];
    const box = byId('stage').getBoundingClientRect();
    setAt((event.clientX - box.left) / box.width * video.width,
      (event.clientY - box.top) / box.height * video.height);
  });
  byId('picture').addEventListener('load', () => { byId('unreadable').hidden = true; });
  byId('picture').addEventListener('error', () => { byId('unreadable').hidden = false; });
  for (const [id, act] of Object.entries(ACTIONS)) {
    byId(id).addEventListener('click', (event) => { if (!busy) act(); event.currentTarget.blur(); });
  }
  document.addEventListener('keydown', onKey);
  window.addEventListener('resize', draw);
}

async function begin(name) {
  const work = await ask('work/' + encodeURIComponent(name));
  annotator = work.annotator;
  videos = work.videos.map((video) => ({
    ...video, answers: new Map(video.answers.map((each) => [key(each.step, each.second), each])),
  }));
  packages = work.videos.flatMap((video, index) =>
    video.packages.map((each) => ({ ...each, video: index })));
  location.hash = name;  // a reload asks nobody
  byId('annotator').textContent = annotator;
  byId('annotator').hidden = false;
  byId('trouble').hidden = true;
  byId('who').hidden = true;
  byId('desk').hidden = false;
  listen();
  open(0);
  if (countAnswered(packages[0]) === size(packages[0])) openNext();
}

function askName() {
  byId('who').hidden = false;
  byId('who-name').focus();
  byId('who').addEventListener('submit', (event) => {
    event.preventDefault();
    begin(byId('who-name').value.trim()).catch(explain);
  });
}

function explain(error) {
  byId('trouble').textContent = error.message;
  byId('trouble').hidden = false;
}

ask('who').then((who) => {
  const name = who.annotator || decodeURIComponent(location.hash.slice(1));
  if (!name) return askName();
  return begin(name);
}).catch(explain);
