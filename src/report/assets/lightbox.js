// One unit, large: its images, all its concepts, its numbers. Arrow keys go to its neighbours in the list behind.

const lightbox = byId('lightbox');

/** Units the arrow keys walk through: those shown, or all if the unit was reached by a link from elsewhere. */
function neighbours(number) {
  let units = wantedUnits();
  let at = units.findIndex((unit) => unit.unit === number);
  if (at < 0) {
    units = layer().units;
    at = units.findIndex((unit) => unit.unit === number);
  }
  return { before: units[at - 1] ?? null, after: units[at + 1] ?? null, place: `${at + 1} of ${units.length}` };
}

function stepButton(text, label, target) {
  const button = make('button', { type: 'button', class: 'step', 'aria-label': label, title: label, disabled: target === null }, text);
  if (target) button.addEventListener('click', () => goToUnit(target));
  return button;
}

/** A neighbour takes the place of the unit in the history, so that "back" leads out of the light-box. */
function goToUnit(unit) {
  if (unit === null) return;
  history.replaceState(history.state, '', unitHash(unit));
  route();
}

function imageNames(unit) {
  const list = make('ol', { class: 'under-strip', 'aria-hidden': 'true' });
  for (const image of unit.top.slice(0, 5)) {
    list.append(make('li', { title: image.name }, image.name.split('/').pop()));
  }
  return list;
}

function conceptTable(unit) {
  const head = [['Concept'], ['IoU'], ['', 'bar-cell'], ['of the unit'], ['of the concept']];
  const table = make('table', {}, make('caption', {}, 'Best concepts'),
    make('thead', {}, make('tr', {}, ...head.map(([text, kind]) => make('th', { scope: 'col', class: kind }, text)))));
  const body = make('tbody');
  for (const best of unit.best) {
    body.append(make('tr', {},
      make('th', { scope: 'row' }, dot(best.category), make('a', { href: conceptHash(best.number), title: 'see its units' }, best.name)),
      make('td', { class: 'value' }, formatIou(best.iou)),
      make('td', { class: 'bar-cell' }, iouBar(best.iou, best.category)),
      make('td', { class: 'value', title: 'share of the places where the unit fires that show the concept' },
        unit.area > 0 ? formatShare(best.intersection / unit.area) : '–'),
      make('td', { class: 'value', title: 'share of the concept on which the unit fires' },
        best.concept_area > 0 ? formatShare(best.intersection / best.concept_area) : '–')));
  }
  table.append(body);
  return make('div', { class: 'scroller' }, table);
}

function unitFacts(unit) {
  const facts = unit.threshold === null
    ? [['NaN or infinite on', plural(unit.not_finite ?? 0, 'image')]]
    : [['Fires above', formatValue(unit.threshold)]];
  if (unit.area > 0) {
    const places = `${wholeNumber.format(unit.area)} of ${wholeNumber.format(layer().positions)} places`;
    facts.push(['Fires at', formatShare(unit.fires)], ['That is', places]);
  }
  return make('dl', { class: 'unit-facts' },
    ...facts.map(([name, value]) => make('div', {}, make('dt', {}, name), make('dd', {}, value))));
}

function topImages(unit) {
  const list = make('ol', { class: 'top-images' });
  for (const image of unit.top) {
    list.append(make('li', {}, make('span', { class: 'file' }, image.name), make('span', { class: 'value', title: 'highest activation' }, formatValue(image.peak))));
  }
  return make('section', {}, make('h3', {}, 'Images that drive it highest'), list);
}

function nothingToCompare(unit) {
  if (unit.threshold === null) return 'It is not finite on some images, so it has no level above which it fires.';
  return unit.area > 0 ? 'No concept is where it fires.' : 'It fires on no image, so no concept can be compared with it.';
}

function fillLightbox(unit) {
  const { before, after, place } = neighbours(unit.unit);
  const close = make('button', { type: 'button', class: 'step', 'aria-label': 'Close', title: 'Close (Escape)' }, '×');
  close.addEventListener('click', leaveUnit);
  lightbox.replaceChildren(
    make('header', {},
      make('div', {},
        make('p', { class: 'meta' }, `${layer().layer} · unit ${unit.unit} · ${place}`),
        make('h2', { id: 'lightbox-title', tabindex: -1 }, unit.label ? dot(unit.label.category) : null, verdictOf(unit),
          unit.label ? make('span', { class: 'iou' }, formatIou(unit.label.iou)) : null)),
      make('div', { class: 'steps' }, stepButton('‹', 'Previous unit (left arrow)', before),
        stepButton('›', 'Next unit (right arrow)', after), close)),
    make('div', { class: 'large' }, stripImage(unit, true), imageNames(unit)),
    make('div', { class: 'columns' },
      make('section', {}, unit.best.length > 0 ? conceptTable(unit) : nothingToCompare(unit), unitFacts(unit)),
      unit.area > 0 && unit.top.length > 0 ? topImages(unit) : null));
}

function showLightbox() {
  const unit = layer().units.find((candidate) => candidate.unit === state.unit);
  if (!unit) {
    if (!lightbox.open) return;
    lightbox.close();
    const left = cards.wanted.find((candidate) => candidate.unit === lightbox.unit);
    if (left && madeCards.has(cardKey(left))) card(left).querySelector('.open').focus();
    return;
  }
  lightbox.unit = unit.unit;
  const fresh = !lightbox.open;
  const held = document.activeElement?.getAttribute?.('aria-label');
  fillLightbox(unit);
  if (fresh) lightbox.showModal();
  // The buttons were made anew: the one that was pressed keeps the focus. Without any focus inside, arrow keys would be lost.
  const again = [...lightbox.querySelectorAll('button:not([disabled])')].find((button) => button.getAttribute('aria-label') === held);
  (again ?? lightbox.querySelector('h2')).focus();
  if (fresh) lightbox.scrollTop = 0;
}

/** Leaves the light-box the way it was entered: back in the history if a click on this page opened it. */
function leaveUnit() {
  // Going back takes a moment; until then a second Escape must not go back once more.
  state.unit = null;
  if (history.state?.inside) {
    history.back();
  } else {
    history.replaceState(null, '', placeHash());
    route();
  }
}

lightbox.addEventListener('cancel', (event) => {
  event.preventDefault();
  leaveUnit();
});
/** Browsers may close a dialog on their own after a second Escape; the address must follow. */
lightbox.addEventListener('close', () => {
  if (state.unit !== null) leaveUnit();
});
lightbox.addEventListener('click', (event) => {
  if (event.target === lightbox) leaveUnit();
});
lightbox.addEventListener('keydown', (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  if (event.key === 'ArrowLeft') goToUnit(neighbours(state.unit).before);
  else if (event.key === 'ArrowRight') goToUnit(neighbours(state.unit).after);
  else return;
  event.preventDefault();
});
