// What is offered at the caret while one writes: a listbox that a sign opens at the start of a line or after a space. Loaded when first needed.

import { sayCount } from "../conf.js";
import { $, $$, announce } from "../dom.js";

const box = () => $("#suggest");
const field = () => $("#text");
const options = () => $$("[role=option]", box());
const isOpen = () => box() && !box().hidden;

let open = null; // {source, start, end, isBare}: which part of the text is replaced; isBare: no key was typed for it
let refused = null; // {source, start}: a sign whose list was closed with Esc
let asked = 0;
let isAsking = false;
let isTakenFirst = false; // Enter came before the answer: a half-typed shortcut must not be sent

// The sign before the caret and what was typed after it.
function read(source) {
  const { selectionStart: end, selectionEnd, value } = field();
  if (end !== selectionEnd || !source.isOn()) return null;
  const found = value.slice(0, end).match(source.pattern);
  return found && { source, start: end - found[1].length, end, q: found[1].slice(1) };
}

export async function look(source, { isBare = false } = {}) {
  const found = read(source);
  const isRefused = refused?.source === source;
  if (!found || (isRefused && found.start === refused.start)) {
    if (!found && isRefused) refused = null;
    if (open?.source === source) close();
    return;
  }
  const mine = ++asked;
  open = { ...found, isBare: isBare || Boolean(open?.isBare && open.start === found.start) };
  let items = [];
  isAsking = true;
  isTakenFirst = false;
  try {
    items = await source.find(found.q);
  } catch {
    // What can't be asked for is not offered.
  }
  if (mine !== asked || !open) return;
  isAsking = false;
  draw(items);
  if (isTakenFirst && items.length) take(items[0]);
}

function draw(items) {
  const list = $("#suggestions");
  const before = isOpen();
  list.replaceChildren(...items);
  list.setAttribute("aria-label", open.source.label());
  items.forEach((item, number) => (item.id = `suggestion-${number}`));
  $("#no-suggestions").hidden = items.length > 0;
  box().hidden = !items.length && !open.isBare;
  if (!items.length) return void choose(null);
  choose(items[0]);
  if (!before) announce(sayCount("suggestions", items.length));
}

function choose(item) {
  for (const other of options()) other.ariaSelected = other === item;
  if (item) field().setAttribute("aria-activedescendant", item.id);
  else field().removeAttribute("aria-activedescendant");
  item?.scrollIntoView({ block: "nearest" });
  $("#suggestion-preview").textContent = item?.dataset.text ?? "";
}

export function close() {
  asked += 1;
  isAsking = false;
  const closed = open;
  open = null;
  if (!isOpen()) return closed;
  box().hidden = true;
  choose(null);
  return closed;
}

// A sign that a button set and nobody wrote on from goes again.
function leave() {
  const closed = close();
  if (closed?.isBare && field().value.slice(closed.start, closed.end).length === 1) write("", closed);
}

function take(item) {
  const { source, start, end } = close();
  write(source.textOf(item), { start, end });
  source.onTaken?.(item, start);
}

// As typed, so that it can be undone.
function write(text, { start, end }) {
  field().focus();
  field().setSelectionRange(start, end);
  if (document.execCommand(text ? "insertText" : "delete", false, text)) return;
  field().setRangeText(text, start, end, "end");
  field().dispatchEvent(new Event("input", { bubbles: true }));
}

// The same by a button: the sign is set where the caret is.
export function begin(source, sign) {
  refused = null;
  field().focus();
  const { selectionStart: at, value } = field();
  write(/(^|\s)$/.test(value.slice(0, at)) ? sign : ` ${sign}`, { start: at, end: field().selectionEnd });
  look(source, { isBare: true });
}

function onKey(event) {
  const isOurs = isOpen() || (isAsking && event.key === "Enter");
  if (event.target.id !== "text" || !isOurs || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
  const all = options();
  const at = all.findIndex((item) => item.getAttribute("aria-selected") === "true");
  const steps = { ArrowDown: 1, ArrowUp: -1 };
  if (isAsking && event.key === "Enter") isTakenFirst = true;
  else if (event.key in steps && all.length) choose(all.at((at + steps[event.key]) % all.length));
  else if ((event.key === "Enter" || event.key === "Tab") && !event.shiftKey && all.length) take(all[at]);
  else if (event.key === "Escape") {
    refused = open;
    close();
  } else return;
  event.preventDefault();
  event.stopPropagation();
}

export function startSuggesting() {
  const main = $("#middle");
  main.addEventListener("keydown", onKey, { capture: true });
  main.addEventListener("pointerdown", (event) => event.target.closest("#suggest") && event.preventDefault()); // the field keeps the focus
  main.addEventListener("click", (event) => {
    const item = event.target.closest("#suggest [role=option]");
    if (item) take(item);
  });
  main.addEventListener("focusout", (event) => event.target.id === "text" && leave());
}
