// Units as cards, made a screenful at a time so that thousands of them stay smooth.

const CHUNK = 48;
const byId = (id) => document.getElementById(id);

/** An element with attributes and children; strings among the children become text, never markup. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

function toned(element, category) {
  const tone = toneOf.get(category);
  if (tone) element.style.setProperty('--tone', tone.bar);
  return element;
}

const dot = (category) => toned(make('span', { class: 'dot', title: category }), category);
const layerHash = (index = state.layer) => `#${encodeURIComponent(report.layers[index].layer)}`;
const unitHash = (unit) => `${layerHash()}/unit/${unit.unit}`;
const conceptHash = (number) => `${layerHash()}/concept/${number}`;

/** A bar as long as the IoU, on a scale that ends at the best IoU of the layer. */
function iouBar(iou, category) {
  const fill = toned(make('span', { class: 'fill' }), category);
  fill.style.inlineSize = `${Math.max(0, Math.min(100, (iou / bestIou(layer())) * 100))}%`;
  return make('span', { class: 'track', 'aria-hidden': 'true' }, fill);
}

function stripImage(unit, eager) {
  const source = stripOf(unit);
  if (source === null) return make('span', { class: 'strip missing' }, 'no picture');
  const names = unit.top.slice(0, 5).map((image) => image.name).join(', ');
  const what = unit.label ? `, best concept ${unit.label.name}` : '';
  const image = make('img', {
    class: 'strip', width: 520, height: 100, decoding: 'async', loading: eager ? null : 'lazy',
    alt: `Unit ${unit.unit}${what}: where it fires on ${names || 'its top images'}`,
  });
  image.src = source;
  return image;
}

function heading(unit) {
  if (!unit.label) return [make('span', { class: 'name none' }, verdictOf(unit))];
  const { name, category, iou } = unit.label;
  const label = make('span', { class: unit.matched ? 'name' : 'name none', title: `${name} (${category})` }, name);
  return [dot(category), label, make('span', { class: 'iou', title: 'intersection over union' }, formatIou(iou))];
}

function bestList(unit, count) {
  const list = make('ol', { class: 'best', 'aria-label': 'Best concepts' });
  for (const best of unit.best.slice(0, count)) {
    const link = make('a', { href: conceptHash(best.number), title: `${best.name} (${best.category}): see its units` }, best.name);
    list.append(make('li', {}, link, iouBar(best.iou, best.category), make('span', { class: 'value' }, formatIou(best.iou))));
  }
  return list;
}

const madeCards = new Map();
const cardKey = (unit) => `${state.layer}/${unit.unit}`;

function card(unit) {
  const key = cardKey(unit);
  if (madeCards.has(key)) return madeCards.get(key);
  const open = make('a', { class: 'open', href: unitHash(unit), 'aria-label': `Unit ${unit.unit}${unit.label ? `, ${unit.label.name}` : ''}: open` },
    stripImage(unit, false));
  const facts = unit.area > 0
    ? `unit ${unit.unit} · fires ${formatShare(unit.fires)} above ${formatValue(unit.threshold)}`
    : `unit ${unit.unit}`;
  const article = make('article', { class: unit.matched ? 'card' : 'card unmatched' }, open,
    make('div', { class: 'body' },
      make('h3', {}, ...heading(unit)),
      make('p', { class: 'meta' }, facts, unit.matched || !unit.label ? null : make('span', { class: 'weak' }, 'no match')),
      bestList(unit, 5)));
  madeCards.set(key, article);
  return article;
}

const cards = { wanted: [], shown: 0, observer: null };

function showCards(units) {
  cards.wanted = units;
  cards.shown = 0;
  byId('grid').replaceChildren();
  showMoreCards(CHUNK);
}

function showMoreCards(count) {
  const next = cards.wanted.slice(cards.shown, cards.shown + count);
  byId('grid').append(...next.map(card));
  cards.shown += next.length;
  const sentinel = byId('sentinel');
  sentinel.hidden = cards.shown >= cards.wanted.length;
  // Watching anew reports at once whether the end is still near, also where one chunk does not fill a large screen.
  cards.observer ??= new IntersectionObserver((entries) => {
    if (entries.some((entry) => entry.isIntersecting)) showMoreCards(CHUNK);
  }, { rootMargin: '1500px' });
  cards.observer.disconnect();
  if (!sentinel.hidden) cards.observer.observe(sentinel);
}

/** Paper does not scroll: everything that is wanted is made, and pictures are loaded now. */
window.addEventListener('beforeprint', () => {
  showMoreCards(cards.wanted.length);
  for (const image of document.querySelectorAll('#grid img[loading]')) image.removeAttribute('loading');
});
