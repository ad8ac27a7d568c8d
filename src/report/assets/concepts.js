// The concept browser: for each concept the units named after it, then those it is a runner-up of.

const CHIPS = 18;

function unitChip({ unit, iou }, category, named) {
  const chip = make('a', {
    class: named ? 'unit-chip' : 'unit-chip faint', href: unitHash(unit),
    title: `unit ${unit.unit}: IoU ${formatIou(iou)}${named ? '' : ', not its best concept or no match'}`,
  }, String(unit.unit), make('span', { class: 'value' }, formatIou(iou)));
  return toned(chip, category);
}

function conceptRow(concept) {
  const { number, name, category, named, others } = concept;
  const row = make('article', { class: 'concept' },
    make('h3', {}, dot(category), make('a', { class: 'name', href: conceptHash(number) }, name), make('span', { class: 'meta' }, category)),
    make('p', { class: 'meta' }, named.length > 0 ? plural(named.length, 'unit') : 'no unit is named after it'));
  const chips = make('div', { class: 'unit-chips' });
  const all = [...named.map((entry) => [entry, true]), ...others.map((entry) => [entry, false])];
  chips.append(...all.slice(0, CHIPS).map(([entry, isNamed]) => unitChip(entry, category, isNamed)));
  if (all.length > CHIPS) {
    chips.append(make('a', { class: 'unit-chip more', href: conceptHash(number) }, `${all.length - CHIPS} more`));
  }
  row.append(chips);
  return row;
}

function wantedConcepts() {
  const words = state.query.trim().toLowerCase().split(/\s+/).filter(Boolean);
  return conceptsOf(layer()).filter((concept) => {
    if (state.categories.size > 0 && !state.categories.has(concept.category)) return false;
    const text = `${concept.name} ${concept.category}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

function showConcepts(concepts) {
  cards.wanted = [];
  showMoreCards(0);
  byId('grid').replaceChildren(...concepts.map(conceptRow));
}
