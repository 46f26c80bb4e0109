"""Look and behaviour of the contact sheet; all of it is inlined, nothing is fetched."""

from stgr.visualization.page_head import PAGE_HEAD

STYLE = """
:root { color-scheme: light dark; --line: #8886; --soft: #8882; }
* { box-sizing: border-box; }
body { font: 15px/1.4 system-ui, sans-serif; margin: 0 auto; max-width: 1300px; padding: 1rem; }
h1 { font-size: 1.3rem; margin: 0 0 .5rem; overflow-wrap: anywhere; }
h2 { font-size: 1rem; margin: 0; overflow-wrap: anywhere; }
.notes:empty { display: none; }
.notes { background: #ffd24d; color: #3d1f00; margin: 0 0 1rem; padding: .5rem 1rem .5rem 2rem; }
.numbers { display: flex; flex-wrap: wrap; gap: .5rem 2rem; align-items: flex-start; }
table { border-collapse: collapse; }
caption { font-weight: 600; text-align: left; }
th, td { border-bottom: 1px solid var(--line); font-weight: 400; padding: .1rem .5rem .1rem 0;
  text-align: left; vertical-align: top; }
.numbers td { font-variant-numeric: tabular-nums; text-align: right; }
.find { background: Canvas; position: sticky; top: 0; padding: .6rem 0; }
input { font: inherit; padding: .2rem .4rem; width: min(30rem, 100%); }
article { border-top: 2px solid var(--line); padding: .6rem 0; }
article.left { opacity: .65; }
.facts { margin: 0 0 .3rem; opacity: .8; }
.strip { max-width: calc(var(--count) * 210px); }
.strip img { display: block; width: 100%; }
.said { display: grid; grid-template-columns: repeat(var(--count), 1fr); gap: .3rem; }
.said div { font-size: .8rem; overflow-wrap: anywhere; }
summary { cursor: pointer; }
details td:first-child { font-variant-numeric: tabular-nums; white-space: nowrap; }
:focus-visible { outline: 3px solid #1a73e8; outline-offset: 1px; }
[hidden] { display: none; }
"""

SCRIPT = """
'use strict';
const field = document.querySelector('#find');
const count = document.querySelector('#count');
const videos = [...document.querySelectorAll('article')];
const texts = videos.map((video) => video.textContent.toLowerCase());
field.addEventListener('input', () => {
  const wanted = field.value.trim().toLowerCase();
  let shown = 0;
  videos.forEach((video, i) => {
    video.hidden = !texts[i].includes(wanted);
    shown += !video.hidden;
  });
  count.textContent = shown;
});
"""

VIDEO = """<article class="{kind}">
<h2>{name}</h2>
<p class="facts">{facts}</p>
{strip}
<details><summary>{count} captions</summary>
<table><tbody>{captions}</tbody></table>
</details>
</article>"""

PAGE = (
    PAGE_HEAD
    + """<body>
<main>
<h1>{title}</h1>
<ul class="notes">{notes}</ul>
<section class="numbers">
{tables}
</section>
<p class="find"><label>Find a video or words that are said: <input id="find" type="search"></label>
<span id="count">{count}</span> videos</p>
{videos}
</main>
<script>{script}</script>
</body>
</html>
"""
)
