// The report as data: what a unit is, which ones are wanted, in which order. Touches no element but the data's own.
// Names of files and concepts are strangers' text: they are only ever put into text nodes, values and Map keys.

const readData = (id) => JSON.parse(document.getElementById(id).textContent);
const report = readData('report-data');
const categories = readData('look-data').categories;
const toneOf = new Map(categories.map((category) => [category.name, category]));

const state = {
  layer: 0,
  view: 'units', // or 'concepts'
  unit: null, // number of the unit in the light-box
  concept: null, // label number that units must have
  runnersUp: false, // whether units with the concept among their best count too
  categories: new Set(),
  query: '',
  sort: 'iou',
  minIou: 0,
  matched: false,
};

const layer = () => report.layers[state.layer];
const iouOf = (unit) => (unit.label ? unit.label.iou : -1);

/** Highest IoU of a layer's units, and never nothing: it is the end of scales. */
function bestIou(shown) {
  shown.bestIou ??= shown.units.reduce((most, unit) => Math.max(most, iouOf(unit)), 0.01);
  return shown.bestIou;
}

const stripLists = new Map();
/** Address of a unit's strip, or null if it has none. Large lists are parsed when their layer is first shown. */
function stripOf(unit) {
  const id = `strips-${state.layer}`;
  if (!stripLists.has(id)) stripLists.set(id, readData(id));
  const strip = stripLists.get(id)[unit.unit];
  if (strip === null || strip === undefined) return null;
  const embedded = 'embedded' in document.getElementById(id).dataset;
  return embedded ? `data:image/jpeg;base64,${strip}` : strip.split('/').map(encodeURIComponent).join('/');
}

/** What a unit is, in a few words. */
function verdictOf(unit) {
  if (unit.label) return unit.matched ? unit.label.name : `${unit.label.name}, no match`;
  if (unit.threshold === null) return 'not finite';
  return unit.area > 0 ? 'meets no concept' : 'never fires';
}

/** IoU by which units are compared: that of the chosen concept if there is one. */
function relevantIou(unit) {
  if (state.concept === null) return iouOf(unit);
  const match = unit.best.find((best) => best.number === state.concept);
  return match ? match.iou : iouOf(unit);
}

function hasConcept(unit, number, runnersUp) {
  if (unit.matched && unit.label.number === number) return true;
  return runnersUp && unit.best.some((best) => best.number === number && best.iou > 0);
}

/** Digits alone are a unit's number; other words must all occur in its concepts or images. */
function answersQuery(unit) {
  const query = state.query.trim().toLowerCase();
  if (query === '') return true;
  const number = /^(?:unit\s*)?#?(\d+)$/.exec(query);
  if (number) return unit.unit === Number(number[1]);
  unit.words ??= [unit.label?.name, unit.label?.category, ...unit.best.map((best) => best.name), ...unit.top.map((image) => image.name)]
    .filter(Boolean).join('\n').toLowerCase();
  return query.split(/\s+/).every((word) => unit.words.includes(word));
}

function isWanted(unit) {
  if (state.matched && !unit.matched) return false;
  if (state.concept !== null && !hasConcept(unit, state.concept, state.runnersUp)) return false;
  if (state.categories.size > 0 && !(unit.label && state.categories.has(unit.label.category))) return false;
  if (state.minIou > 0 && relevantIou(unit) < state.minIou) return false;
  return answersQuery(unit);
}

const byIou = (a, b) => relevantIou(b) - relevantIou(a) || a.unit - b.unit;
const orders = {
  iou: byIou,
  unit: (a, b) => a.unit - b.unit,
  fires: (a, b) => b.fires - a.fires || a.unit - b.unit,
  concept: (a, b) => (a.label?.name ?? '\uffff').localeCompare(b.label?.name ?? '\uffff', 'en') || byIou(a, b),
};

const wantedUnits = () => layer().units.filter(isWanted).sort(orders[state.sort]);

/** Every concept that some unit has among its best, with the units it names and those it is a runner-up of, best first. */
function conceptsOf(shown) {
  if (shown.conceptList) return shown.conceptList;
  const found = new Map();
  for (const unit of shown.units) {
    for (const best of unit.best) {
      if (!(best.iou > 0)) continue;
      if (!found.has(best.number)) found.set(best.number, { number: best.number, name: best.name, category: best.category, named: [], others: [] });
      const named = unit.matched && unit.label.number === best.number;
      found.get(best.number)[named ? 'named' : 'others'].push({ unit, iou: best.iou });
    }
  }
  const bestFirst = (a, b) => b.iou - a.iou || a.unit.unit - b.unit.unit;
  for (const concept of found.values()) {
    concept.named.sort(bestFirst);
    concept.others.sort(bestFirst);
  }
  const position = new Map(categories.map((category, index) => [category.name, index]));
  shown.conceptList = [...found.values()].sort((a, b) => b.named.length - a.named.length
    || position.get(a.category) - position.get(b.category) || a.name.localeCompare(b.name, 'en'));
  return shown.conceptList;
}

function conceptNamed(number) {
  return conceptsOf(layer()).find((concept) => concept.number === number) ?? null;
}

const digits = (options) => new Intl.NumberFormat('en', options);
const threeDigits = digits({ minimumSignificantDigits: 3, maximumSignificantDigits: 3 });
const wholeNumber = digits({ maximumFractionDigits: 0 });
const formatIou = (iou) => (iou > 0 && iou < 0.0005 ? '<0.001' : iou.toFixed(3));
const formatShare = (share) => `${threeDigits.format(share * 100)} %`;
const formatValue = (value) => threeDigits.format(value);
const plural = (count, noun) => `${wholeNumber.format(count)} ${noun}${count === 1 ? '' : 's'}`;
