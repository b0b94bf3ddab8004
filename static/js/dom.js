// Finding, making and announcing things.

export const $ = (selector, root = document) => root.querySelector(selector);
export const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
export const app = document.body;

export function parse(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content;
}

export const parseOne = (html) => parse(html).firstElementChild;

// The content of a <template> of the page.
export const stamp = (id) => document.getElementById(id).content.firstElementChild.cloneNode(true);

export function icon(name, size = 16) {
  return parseOne(`<svg class="icon" width="${size}" height="${size}" aria-hidden="true"><use href="#i-${name}"/></svg>`);
}

// Buttons name what they do in data-do; whoever does it registers here.
const doers = new Map();

export const onDo = (name, doer) => doers.set(name, doer);

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-do]");
  const doer = button && doers.get(button.dataset.do);
  if (!doer) return;
  event.preventDefault();
  button.closest("[popover]")?.hidePopover();
  doer(button, event);
});

const PHONE = matchMedia("(max-width: 767.98px)");
const WIDE = matchMedia("(min-width: 1280px)");
export const isPhone = () => PHONE.matches;
export const isWide = () => WIDE.matches;
export const isTyping = (target) => target.closest("input:not([type=checkbox]), textarea, select, [contenteditable], dialog") !== null;

export function show(view) {
  app.dataset.view = view;
}

// Nothing is replaced between the press and the release of a pointer: the click would fall in between.
let isPressed = false;
const waiting = [];

export function whenReleased(run) {
  if (isPressed || waiting.length) waiting.push(run);
  else run();
}

function release() {
  isPressed = false;
  setTimeout(() => {
    for (const run of waiting.splice(0)) run();
  });
}

addEventListener("pointerdown", () => (isPressed = true), { capture: true });
for (const name of ["pointerup", "pointercancel"]) addEventListener(name, release, { capture: true });
addEventListener("blur", release); // of the window alone: without capture those of elements do not come here

// Speech for screen readers.
export function announce(text, { urgent = false } = {}) {
  const region = document.getElementById(urgent ? "assertive" : "polite");
  region.textContent = "";
  requestAnimationFrame(() => {
    region.textContent = text.slice(0, 150);
  });
}

export function toast(text, { label = "", act = null, seconds = 5 } = {}) {
  const element = stamp("toast");
  element.firstElementChild.textContent = text;
  const button = element.lastElementChild;
  button.textContent = label;
  button.hidden = !label;
  button.addEventListener("click", () => {
    element.remove();
    act?.();
  });
  const holder = document.getElementById("toasts");
  holder.replaceChildren(element);
  announce(text);
  setTimeout(() => element.remove(), seconds * 1000);
}

// Calls at most once per pause, after the last request for it.
export function debounce(pause, run) {
  let timer = 0;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(run, pause, ...given);
  };
}

// Calls at once, then at most once per pause.
export function throttle(pause, run) {
  let last = -Infinity;
  let timer = 0;
  return (...given) => {
    clearTimeout(timer);
    const wait = last + pause - performance.now();
    const go = () => {
      last = performance.now();
      run(...given);
    };
    if (wait <= 0) go();
    else timer = setTimeout(go, wait);
  };
}
