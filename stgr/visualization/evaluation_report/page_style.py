"""Look and behaviour of the page of an evaluation; all of it is inlined, nothing is fetched."""

from stgr.visualization.page_head import PAGE_HEAD

STYLE = """
:root { color-scheme: light; --ink: #1c232b; --soft: #66717d; --line: #dfe4e9; --pale: #f5f7f9;
  --blue: #0072b2; --orange: #d55e00; }
* { box-sizing: border-box; }
html { scroll-behavior: smooth; scroll-padding-top: 5rem; }
body { background: #fff; color: var(--ink); font: 15px/1.5 system-ui, sans-serif;
  margin: 0 auto; max-width: 1120px; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.65rem; line-height: 1.25; margin: 0 0 .2rem; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 0 0 .25rem; }
h3 { font-size: .95rem; margin: 0 0 .3rem; overflow-wrap: anywhere; }
h3 small { color: var(--soft); font-size: .85rem; font-weight: 400; margin-left: .5rem; }
.lead, .intro, .note { color: var(--soft); margin: 0 0 1rem; max-width: 76ch; }
.note { background: var(--pale); border-left: 3px solid var(--line); padding: .5rem .8rem; }
nav { background: #fff; border-bottom: 1px solid var(--line); display: flex; gap: .2rem 1.1rem;
  flex-wrap: wrap; font-size: .87rem; margin: 1rem 0 0; padding: .6rem 0; position: sticky;
  top: 0; z-index: 2; }
nav a { color: var(--blue); text-decoration: none; }
nav a:hover { text-decoration: underline; }
section { border-bottom: 1px solid var(--line); padding: 2rem 0 1.8rem; }
section:last-of-type { border: 0; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9rem; }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .7rem; text-align: left;
  font-weight: 400; white-space: nowrap; }
thead th { border-bottom: 1px solid #9aa5b1; color: var(--soft); font-size: .84rem;
  vertical-align: bottom; }
.number { text-align: right; }
.scores thead th { white-space: normal; }
.scores .task { border: 0; font-weight: 600; padding-top: .9rem; }
.scores .system { background: #eaf3f9; font-weight: 600; }
.scores thead th:nth-child(2) { color: var(--ink); font-weight: 600; }
.scores .beats { color: #a33f00; }
.scores .beats::before { content: '\\25b2\\00a0'; font-size: .62em; vertical-align: .15em; }
.share { background: linear-gradient(#cfe3f1, #cfe3f1) no-repeat 0 60% / var(--v, 0) 70%;
  min-width: 5.5rem; }
thead button { background: none; border: 0; color: inherit; cursor: pointer; font: inherit;
  padding: 0; }
thead button:hover { color: var(--blue); }
[aria-sort=ascending] button::after { content: ' \\2191'; }
[aria-sort=descending] button::after { content: ' \\2193'; }
.facts th { color: var(--soft); }
.facts td { white-space: normal; overflow-wrap: anywhere; }
.figures { display: grid; gap: 1.6rem 2rem; grid-template-columns: repeat(auto-fit,
  minmax(min(100%, 26rem), 1fr)); margin: .5rem 0 1rem; }
.small-figures { display: grid; gap: .9rem 1.2rem; margin: .6rem 0 1rem;
  grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)); }
.stacked-figures { margin: 1.2rem 0 0; }
figure { margin: 0; min-width: 0; }
figcaption { font-size: .9rem; font-weight: 600; margin-bottom: .3rem; }
.small-figures figcaption { font-size: .8rem; font-weight: 400; height: 2.4em; line-height: 1.2;
  overflow: hidden; display: flex; align-items: end; overflow-wrap: anywhere; }
svg { display: block; font: 11.5px system-ui, sans-serif; }
svg text { fill: var(--soft); }
.chart, .map { height: auto; max-width: 520px; width: 100%; }
.thumb { width: 150px; }
.matrix { height: auto; max-width: none; }
.matrix rect + text { fill: var(--ink); font-size: 9.5px; text-anchor: middle; }
.matrix rect + .white { fill: #fff; }
.matrix text { fill: var(--ink); }
svg .soft { fill: #939ca6; font-size: 10px; }
.grid { stroke: #e6eaee; stroke-width: 1; fill: none; }
.axis { stroke: #9aa5b1; fill: none; }
.mark { stroke: #8a949e; stroke-dasharray: 4 3; fill: none; }
.curve { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
.thumb .curve { stroke-width: 1.6; }
.bar { fill: #7fb4d6; }
.count { fill: #c9d0d7; }
.frame { fill: none; stroke: #c3cbd3; }
.cross { stroke: #d03030; stroke-width: 2; fill: none; }
.halo text { fill: #b01818; font-size: 13px; paint-order: stroke; stroke: #fff; stroke-width: 3.5px;
  stroke-linejoin: round; }
.pale { paint-order: stroke; stroke: #fff; stroke-width: 3px; stroke-linejoin: round; }
svg .end { text-anchor: end; }
svg .mid { text-anchor: middle; }
.legend { color: var(--soft); display: flex; flex-wrap: wrap; font-size: .8rem; gap: .1rem .9rem;
  list-style: none; margin: .3rem 0 0; padding: 0; }
.legend i { border-radius: 2px; display: inline-block; height: .75em; margin-right: .35em;
  width: .75em; }
.video { margin: 0 0 1.3rem; content-visibility: auto; contain-intrinsic-size: auto 120px; }
.rows { display: grid; grid-template-columns: 4.6rem 1fr; }
.names span { color: var(--soft); display: block; font-size: .78rem; height: 20px;
  line-height: 18px; }
.time { height: 48px; width: 100%; }
.ground { fill: #eef1f4; }
.clock { color: var(--soft); display: flex; font-size: .74rem; grid-column: 2;
  justify-content: space-between; }
details { border: 1px solid var(--line); border-radius: 5px; margin: 1rem 0 0; padding: 0 .9rem; }
details[open] { padding-bottom: .9rem; }
summary { color: var(--blue); cursor: pointer; margin: 0 -.9rem; padding: .5rem .9rem; }
.search { display: none; }
.js .search { display: block; font: inherit; margin: .3rem 0 1rem; max-width: 24rem;
  padding: .3rem .5rem; width: 100%; }
#tip { background: var(--ink); border-radius: 4px; color: #fff; font-size: .8rem;
  padding: .2rem .5rem; pointer-events: none; position: fixed; z-index: 3; }
:focus-visible { outline: 2px solid var(--blue); outline-offset: 2px; }
@media (max-width: 700px) { nav { position: static; } html { scroll-padding-top: 1rem; } }
@media print { nav, .search { display: none; } body { max-width: none; } }
"""

SCRIPT = """
'use strict';
document.documentElement.classList.add('js');

function valueOf(row, column) {
  const cell = row.cells[column];
  const text = cell.dataset.v || cell.textContent.replace(/\\s/g, '');
  return cell.classList.contains('number') ? Number(text) : cell.textContent;
}

for (const table of document.querySelectorAll('.sortable')) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => head.addEventListener('click', () => {
    const isNumber = head.classList.contains('number');
    const before = head.getAttribute('aria-sort');
    const rising = before ? before === 'descending' : !isNumber;
    const compare = isNumber ? (a, b) => a - b : (a, b) => a.localeCompare(b);
    const rows = [...table.tBodies[0].rows];
    rows.sort((a, b) => (rising ? 1 : -1) * compare(valueOf(a, column), valueOf(b, column)));
    table.tBodies[0].append(...rows);
    heads.forEach((other) => other.removeAttribute('aria-sort'));
    head.setAttribute('aria-sort', rising ? 'ascending' : 'descending');
  }));
}

for (const field of document.querySelectorAll('.search')) {
  const videos = [...field.parentNode.querySelectorAll('.video')];
  field.addEventListener('input', () => {
    const wanted = field.value.toLowerCase();
    for (const video of videos) video.hidden = !video.textContent.toLowerCase().includes(wanted);
  });
}

const tip = document.createElement('div');
tip.id = 'tip';
tip.hidden = true;
document.body.append(tip);
function clock(time) {
  const seconds = Math.floor(time);
  return Math.floor(seconds / 60) + ':' + String(seconds % 60).padStart(2, '0');
}
document.addEventListener('mousemove', (event) => {
  const picture = event.target.closest('.time');
  tip.hidden = !picture;
  if (!picture) return;
  const box = picture.getBoundingClientRect();
  const share = (event.clientX - box.left) / box.width;
  const title = event.target.querySelector('title');
  const time = Number(picture.dataset.start) + share * picture.viewBox.baseVal.width;
  tip.textContent = clock(time) + ' ' + (title ? title.textContent : 'background');
  tip.style.left = Math.min(event.clientX + 12, innerWidth - tip.offsetWidth - 8) + 'px';
  tip.style.top = event.clientY + 16 + 'px';
});
"""

PAGE = (
    PAGE_HEAD
    + """<body>
<header>
<h1>{title}</h1>
<p class="lead">{facts}</p>
</header>
<nav aria-label="Contents">{contents}</nav>
<main>
{body}
</main>
<script>{script}</script>
</body>
</html>
"""
)
