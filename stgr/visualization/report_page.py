"""Look and behaviour of the HTML report; all of it is inlined, nothing is fetched."""

from stgr.visualization.curve_script import CURVE_SCRIPT
from stgr.visualization.page_head import PAGE_HEAD

STYLE = """
:root { color-scheme: light dark; --line: #8886; --soft: #8882; --head: #d00; }
* { box-sizing: border-box; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 0 auto; max-width: 1200px; padding: 1rem; }
h1 { font-size: 1.3rem; margin: 0 0 .2rem; overflow-wrap: anywhere; }
.facts { margin: 0 0 .8rem; opacity: .8; }
.notice { background: #ffd24d; border: 3px solid #b35900; color: #3d1f00; font-size: 1.1rem;
  font-weight: 600; margin: 0 0 1rem; padding: .7rem 1rem; border-radius: .3rem; }
.warnings { border-left: 4px solid #b35900; margin: 0 0 1rem; padding: .2rem 1rem; }
.stage { background: Canvas; position: sticky; top: 0; padding: .3rem 0; z-index: 1; }
video { background: #000; display: block; margin: 0 auto; max-height: 50vh; max-width: 100%;
  min-height: min(20rem, 50vh); }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid var(--line); padding: .35rem .5rem; text-align: left;
  vertical-align: middle; }
th[scope=row] { font-weight: 600; max-width: 16rem; min-width: 8rem; overflow-wrap: anywhere; }
.spans div { max-height: 8rem; overflow-y: auto; }
.swatch { border-radius: 2px; display: inline-block; height: .8em; margin-right: .4em;
  width: .8em; }
.missed td:nth-child(2) { opacity: .7; }
.number { font-variant-numeric: tabular-nums; white-space: nowrap; }
.plot { min-width: 14rem; width: 45%; }
.curve { cursor: crosshair; display: block; position: relative; }
.curve svg { background: var(--soft); display: block; height: 56px; width: 100%; }
.head { stroke: var(--head); stroke-width: 1.5; vector-effect: non-scaling-stroke; }
button { background: var(--soft); border: 1px solid var(--line); border-radius: .3rem;
  color: inherit; cursor: pointer; font: inherit; font-variant-numeric: tabular-nums;
  margin: .1rem .2rem .1rem 0; padding: .05rem .4rem; white-space: nowrap; }
button[aria-current=true] { border-color: var(--head); box-shadow: 0 0 0 1px var(--head); }
:focus-visible { outline: 3px solid #1a73e8; outline-offset: 1px; }
.truth { border-style: dashed; }
.clock { display: flex; font-size: .8rem; font-weight: 400; justify-content: space-between;
  opacity: .8; }
.help { font-size: .9rem; opacity: .8; }
details { margin-top: 1rem; }
@media (max-width: 700px) {
  thead th:not(.plot) { display: none; }
  thead th.plot { border: 0; display: block; }
  tbody tr:has(.plot) { align-items: baseline; border-bottom: 1px solid var(--line); display: grid;
    grid-template-columns: 1fr auto auto; padding: .4rem 0; }
  tbody tr:has(.plot) > * { border: 0; }
  tbody tr:has(.plot) > td:nth-child(4), .plot { grid-column: 1 / -1; }
  .plot { width: 100%; }
}
"""

SCRIPT = (
    """
'use strict';
"""
    + CURVE_SCRIPT
    + """
const video = document.querySelector('video');
const curves = [...document.querySelectorAll('.curve')];
const buttons = [...document.querySelectorAll('button[data-start]')];
const duration = Number(document.body.dataset.duration);

function show(time) {
  for (const curve of curves) {
    const x = duration > 0 ? time / duration * 1000 : 0;
    const head = curve.querySelector('.head');
    head.setAttribute('x1', x);
    head.setAttribute('x2', x);
    curve.setAttribute('aria-valuenow', time.toFixed(2));
    curve.setAttribute('aria-valuetext', clock(time));
  }
  for (const button of buttons) {
    const inside = time >= Number(button.dataset.start) && time < Number(button.dataset.end);
    button.setAttribute('aria-current', inside);
  }
}

let position = 0;
function seek(time) {
  position = Math.min(Math.max(0, time), duration);
  if (video) video.currentTime = position;
  show(position);
}

for (const button of buttons) {
  // A hair after the start: players round, and the frame before shows nothing yet.
  button.addEventListener('click', () => seek(Number(button.dataset.start) + 0.01));
}
for (const curve of curves) {
  makeSeekable(curve, video, () => duration, () => position, seek);
}
if (video) {
  if (video.src.startsWith('data:')) {
    // Some browsers do not seek in a data address; all do in a blob.
    const bytes = Uint8Array.from(atob(video.src.slice(video.src.indexOf(',') + 1)),
      (letter) => letter.charCodeAt(0));
    video.src = URL.createObjectURL(new Blob([bytes], { type: 'video/mp4' }));
  }
  const follow = () => { position = video.currentTime; show(position); };
  video.addEventListener('timeupdate', follow);
  video.addEventListener('seeked', follow);
}
show(0);
"""
)

FOLD = """<details><summary>{count} queries that were not found</summary>
<table>
<tbody>
{rows}
</tbody>
</table>
</details>"""

PAGE = (
    PAGE_HEAD
    + """<body data-duration="{duration}">
<main>
<h1>{title}</h1>
<p class="facts">{facts}</p>
{notices}
<div class="stage">
{stage}
</div>
<p>{summary} <span class="help">A press on a span or a curve moves the video there; on a curve, so
do the arrow keys, Page Up, Page Down, Home and End, and Space plays.</span></p>
<table>
<thead><tr><th scope="col">Query</th><th scope="col">Answer</th><th scope="col">Score</th>
<th scope="col">Spans</th><th scope="col" class="plot">{legend}
<span class="clock">{clock}</span></th></tr></thead>
<tbody>
{rows}
</tbody>
</table>
{fold}
<details><summary>Model and settings</summary>
<table>
{settings}
</table>
</details>
</main>
<script>{script}</script>
</body>
</html>
"""
)
