// The page as a whole: addresses, controls, and what follows from a change of either.

/** Address of what is shown behind the light-box. */
function placeHash() {
  if (state.view === 'concepts') return `${layerHash()}/concepts`;
  return state.concept === null ? layerHash() : conceptHash(state.concept);
}

/** Addresses: #LAYER, #LAYER/unit/N, #LAYER/concept/N, #LAYER/concepts. Anything else shows the first layer. */
function readAddress() {
  let parts;
  try {
    parts = location.hash.slice(1).split('/').map(decodeURIComponent);
  } catch {
    parts = [];
  }
  let index = report.layers.findIndex((candidate) => candidate.layer === parts[0]);
  if (index < 0) [index, parts] = [0, []];
  if (index !== state.layer) {
    state.concept = null;
    state.layer = index;
  }
  const number = /^\d+$/.test(parts[2] ?? '') ? Number(parts[2]) : null;
  state.unit = parts[1] === 'unit' ? number : null;
  if (state.unit !== null) return;
  state.view = parts[1] === 'concepts' ? 'concepts' : 'units';
  const concept = parts[1] === 'concept' ? number : null;
  if (concept !== state.concept) state.runnersUp = concept !== null && (conceptNamed(concept)?.named.length ?? 0) === 0;
  state.concept = concept;
}

let shownPlace = null;
function route() {
  readAddress();
  const place = placeHash();
  if (place !== shownPlace) {
    shownPlace = place;
    refresh();
  }
  showLightbox();
}

function refresh() {
  showTabs();
  showFacts();
  showGraphs();
  showControls();
  showList();
}

function showTabs() {
  byId('tabs').hidden = report.layers.length < 2;
  byId('tabs').replaceChildren(...report.layers.map((shown, index) =>
    make('a', { href: layerHash(index), 'aria-current': index === state.layer ? 'page' : null }, shown.layer)));
}

function showFacts() {
  const shown = layer();
  const best = shown.units.reduce((most, unit) => (iouOf(unit) > iouOf(most) ? unit : most), shown.units[0]);
  const silent = shown.units.filter((unit) => unit.area === 0 && unit.threshold !== null).length;
  const facts = [
    ['units', wholeNumber.format(shown.unit_count), silent > 0 ? `${wholeNumber.format(silent)} never fire` : null],
    ['match a concept', wholeNumber.format(shown.matched), shown.unit_count > 0 ? formatShare(shown.matched / shown.unit_count) : null],
    ['distinct concepts', wholeNumber.format(shown.concepts.length), null],
  ];
  if (best?.label) facts.push(['best IoU', formatIou(best.label.iou), `${best.label.name}, unit ${best.unit}`]);
  byId('facts').replaceChildren(...facts.map(([name, value, note]) =>
    make('div', {}, make('dt', {}, name), make('dd', {}, make('strong', {}, value), note === null ? null : make('small', {}, note)))));
}

function showGraphs() {
  for (const graph of document.querySelectorAll('.layer-graph')) {
    graph.hidden = Number(graph.dataset.layer) !== state.layer;
    for (const bar of graph.querySelectorAll('.bar')) {
      bar.setAttribute('aria-pressed', String(Number(bar.dataset.concept) === state.concept));
    }
    graph.classList.toggle('choosing', state.concept !== null);
    // Short graphs grow into the space there is; long ones keep their size and scroll.
    const drawing = graph.querySelector('svg');
    const natural = drawing.viewBox.baseVal.width;
    drawing.style.inlineSize = `clamp(${natural}px, 100vw - 160px, ${natural * 1.5}px)`;
  }
}

function showChips() {
  const totals = new Map(layer().categories.map((category) => [category.category, category]));
  byId('chips').replaceChildren(...categories.map(({ name }) => {
    const total = totals.get(name);
    const chip = make('button', { type: 'button', class: 'chip', 'aria-pressed': String(state.categories.has(name)) },
      dot(name), plural(total?.concepts ?? 0, name), make('small', {}, plural(total?.units ?? 0, 'unit')));
    chip.addEventListener('click', () => {
      if (!state.categories.delete(name)) state.categories.add(name);
      chip.setAttribute('aria-pressed', String(state.categories.has(name)));
      showList();
    });
    return chip;
  }));
}

function showPill() {
  const pill = byId('pill');
  const concept = state.concept === null ? null : conceptNamed(state.concept);
  pill.hidden = state.concept === null;
  if (pill.hidden) return;
  const name = concept ? concept.name : `concept ${state.concept}`;
  const off = make('a', { href: layerHash(), 'aria-label': `Stop showing only ${name}`, title: 'Show all concepts' }, '×');
  const parts = [concept ? dot(concept.category) : null, make('strong', {}, name), off].filter((part) => part !== null);
  if (concept && concept.others.length > 0) {
    const box = make('input', { type: 'checkbox' });
    box.checked = state.runnersUp;
    box.addEventListener('change', () => {
      state.runnersUp = box.checked;
      showList();
    });
    parts.splice(-1, 0, make('label', {}, box, ` and ${plural(concept.others.length, 'runner')}-up`));
  }
  pill.replaceChildren(...parts);
}

function showControls() {
  const links = { units: layerHash(), concepts: `${layerHash()}/concepts` };
  for (const [view, href] of Object.entries(links)) {
    const link = byId(`view-${view}`);
    link.setAttribute('href', href);
    if (state.view === view) link.setAttribute('aria-current', 'true');
    else link.removeAttribute('aria-current');
  }
  byId('controls').classList.toggle('of-concepts', state.view === 'concepts');
  byId('min-iou').max = String(Math.ceil(bestIou(layer()) * 20) / 20);
  showChips();
  showPill();
}

function showList() {
  const isDefault = state.query === '' && state.minIou === 0 && !state.matched && state.categories.size === 0 && state.concept === null;
  byId('reset').hidden = isDefault;
  byId('min-iou-value').textContent = state.minIou.toFixed(3);
  byId('grid').classList.toggle('concepts', state.view === 'concepts');
  let found;
  if (state.view === 'concepts') {
    const concepts = wantedConcepts();
    found = concepts.length;
    showConcepts(concepts);
    byId('count').textContent = plural(found, 'concept');
  } else {
    const units = wantedUnits();
    found = units.length;
    showCards(units);
    const all = layer().unit_count;
    byId('count').textContent = found === all ? plural(all, 'unit') : `${wholeNumber.format(found)} of ${plural(all, 'unit')}`;
  }
  byId('nothing').hidden = found > 0;
}

function resetControls() {
  state.categories.clear();
  Object.assign(state, { query: '', minIou: 0, matched: false, runnersUp: false });
  byId('search').value = '';
  byId('min-iou').value = '0';
  byId('matched').checked = false;
  shownPlace = null;
  if (state.concept !== null) location.hash = layerHash();
  else route();
}

function watch(id, event, change) {
  byId(id).addEventListener(event, (happened) => {
    change(happened.target);
    showList();
  });
}

let typing = 0;
byId('search').addEventListener('input', (event) => {
  state.query = event.target.value;
  clearTimeout(typing);
  typing = setTimeout(showList, 80);
});
watch('sort', 'change', (select) => { state.sort = select.value; });
watch('min-iou', 'input', (slider) => { state.minIou = Number(slider.value); });
watch('matched', 'change', (box) => { state.matched = box.checked; });
byId('reset').addEventListener('click', resetControls);
byId('controls').addEventListener('submit', (event) => event.preventDefault());

/** A bar chooses its concept, or lets go of it if it was chosen. */
function chooseBar(event) {
  const bar = event.target.closest?.('.bar');
  if (!bar || (event.type === 'keydown' && event.key !== 'Enter' && event.key !== ' ')) return;
  event.preventDefault();
  const number = Number(bar.dataset.concept);
  location.hash = number === state.concept ? layerHash() : conceptHash(number);
}
byId('overview').addEventListener('click', chooseBar);
byId('overview').addEventListener('keydown', chooseBar);

/** Remembers which history entries were made by following a link on this page. */
let followed = false;
document.addEventListener('click', (event) => {
  followed = Boolean(event.target.closest?.('a[href^="#"]'));
});
window.addEventListener('hashchange', () => {
  if (followed) history.replaceState({ inside: true }, '');
  followed = false;
  route();
});
document.addEventListener('keydown', (event) => {
  if (event.key !== '/' || lightbox.open || /^(?:INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
  event.preventDefault();
  byId('search').focus();
});

const prefersDark = window.matchMedia('(prefers-color-scheme: dark)');
function showTheme(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
  const dark = theme ? theme === 'dark' : prefersDark.matches;
  byId('theme').textContent = dark ? 'Light' : 'Dark';
  byId('theme').setAttribute('aria-label', dark ? 'Switch to light colours' : 'Switch to dark colours');
}
/** Storage may be forbidden for local files; the choice then lasts as long as the page. */
function stored(action) {
  try {
    return action(window.localStorage);
  } catch {
    return null;
  }
}
byId('theme').addEventListener('click', () => {
  const theme = (document.documentElement.dataset.theme ?? (prefersDark.matches ? 'dark' : 'light')) === 'dark' ? 'light' : 'dark';
  stored((storage) => storage.setItem('netdissect-theme', theme));
  showTheme(theme);
});
prefersDark.addEventListener('change', () => showTheme(document.documentElement.dataset.theme));
showTheme(stored((storage) => storage.getItem('netdissect-theme')));

if (report.layers.length > 0) route();
