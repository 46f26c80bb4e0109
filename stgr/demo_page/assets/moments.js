// The body of a function of Gradio's: element, trigger, props and watch are its parameters.
function make(kind, name, text) {
  const made = document.createElement(kind);
  if (name) made.className = name;
  if (text !== undefined) made.textContent = text;
  return made;
}

function card(query, moment) {
  const button = make('button', 'card');
  button.type = 'button';
  if (moment.picture) {
    const picture = make('img');
    picture.src = moment.picture;
    picture.alt = query + ' in ' + moment.video;
    button.append(picture);
  }
  button.append(make('span', 'when', moment.times), make('span', '', moment.video),
    make('span', '', 'score ' + moment.score));
  if (moment.note) button.append(make('span', '', moment.note));
  button.addEventListener('click', () => trigger('select', { key: moment.key, query }));
  return button;
}

function show() {
  const all = element.querySelector('.moments');
  all.replaceChildren();
  for (const answer of (props.value || {}).answers || []) {
    const cards = make('div', 'cards');
    cards.append(...answer.moments.map((moment) => card(answer.query, moment)));
    all.append(make('h3', '', answer.query), make('p', '', answer.summary), cards);
  }
}

watch('value', show);
show();
