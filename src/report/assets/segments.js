'use strict';
// Which labels are painted, how strongly, and where a single one is.

const byId = (id) => document.getElementById(id);
const prefersDark = matchMedia('(prefers-color-scheme: dark)');

/** Browsers may forbid storage to a page from a file. */
function stored(use) {
  try {
    return use(localStorage);
  } catch {
    return null;
  }
}

function showTheme(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
  const dark = theme ? theme === 'dark' : prefersDark.matches;
  byId('theme').textContent = dark ? 'Light' : 'Dark';
  byId('theme').setAttribute('aria-label', dark ? 'Switch to light colours' : 'Switch to dark colours');
}

byId('theme').addEventListener('click', () => {
  const now = document.documentElement.dataset.theme ?? (prefersDark.matches ? 'dark' : 'light');
  const theme = now === 'dark' ? 'light' : 'dark';
  stored((storage) => storage.setItem('netdissect-theme', theme));
  showTheme(theme);
});
prefersDark.addEventListener('change', () => showTheme(document.documentElement.dataset.theme));
showTheme(stored((storage) => storage.getItem('netdissect-theme')));

function showView(number) {
  for (const part of document.querySelectorAll('[data-view]')) part.hidden = part.dataset.view !== number;
  for (const scene of document.querySelectorAll('.scene')) release(scene);
}

function showStrength() {
  document.documentElement.style.setProperty('--strength', byId('strength').value);
}

/** Darkens a picture outside one label, in place of the colours. */
function point(scene, button) {
  scene.shades ??= JSON.parse(scene.querySelector('.shades').textContent);
  const shade = scene.querySelector('.shade');
  shade.src = `data:image/png;base64,${scene.shades[button.dataset.label]}`;
  shade.hidden = false;
  for (const layer of scene.querySelectorAll('.layer')) layer.style.visibility = 'hidden';
}

/** Back to the label that was chosen by a click, or to the colours. */
function rest(scene) {
  const chosen = scene.querySelector('[aria-pressed="true"]');
  if (chosen) {
    point(scene, chosen);
    return;
  }
  scene.querySelector('.shade').hidden = true;
  for (const layer of scene.querySelectorAll('.layer')) layer.style.visibility = '';
}

function release(scene) {
  scene.querySelector('[aria-pressed="true"]')?.removeAttribute('aria-pressed');
  rest(scene);
}

const labelOf = (event) => event.target.closest?.('[data-label]');

function onLabel(kind, act) {
  document.addEventListener(kind, (event) => {
    const button = labelOf(event);
    if (button) act(button.closest('.scene'), button);
  });
}

onLabel('pointerover', point);
onLabel('focusin', point);
onLabel('pointerout', rest);
onLabel('focusout', rest);
onLabel('click', (scene, button) => {
  const pressed = button.getAttribute('aria-pressed') === 'true';
  release(scene);
  if (!pressed) button.setAttribute('aria-pressed', 'true');
  rest(scene);
});

// The page holds each picture once.
for (const scene of document.querySelectorAll('.scene')) {
  const [photo, copy] = scene.querySelectorAll('.photo');
  copy.src ||= photo.src;
}
byId('controls').hidden = false;
byId('theme').hidden = false;
byId('strength').addEventListener('input', showStrength);
for (const choice of document.querySelectorAll('[name="view"]')) {
  choice.addEventListener('change', () => showView(choice.dataset.number));
  // A page that is reloaded may come back with another choice than it was made with.
  if (choice.checked) showView(choice.dataset.number);
}
showStrength();
