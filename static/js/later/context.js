// What was known when a message was sent, beside what is known now, and its labels and fields: a section of the details.

import { say } from "../conf.js";
import { $, announce, onDo, parseOne, stamp } from "../dom.js";
import { fetchFragment, pathOf, post } from "../net.js";
import { openId } from "../pane.js";
import { fillTimes } from "../times.js";

// { id, message, section, isAwaited }: it stays when the details are loaded anew. Awaited, it has the focus as soon as it stands: what it
// stands in may come later.
let shown = null;

// Its style sheet comes with its first use.
const styled = new Promise((done) => {
  const link = stamp("context-style");
  for (const name of ["load", "error"]) link.addEventListener(name, done);
  document.head.append(link);
});

const path = ({ id, message }, part) => pathOf(id, `messages/${message}/${part}/`);

export async function showContext(message) {
  const wanted = { id: openId(), message, isAwaited: true };
  try {
    const [html] = await Promise.all([fetchFragment(path(wanted, "context")), styled]);
    put(html, wanted);
  } catch (problem) {
    announce(problem.detail || say("not_loaded"), { urgent: true });
  }
}

function put(html, wanted) {
  if (wanted.id !== openId()) return;
  const hasFocus = shown?.section.contains(document.activeElement);
  shown?.section.remove();
  const section = parseOne(html);
  shown = { ...wanted, section };
  fillTimes(section);
  section.addEventListener("click", act);
  section.addEventListener("submit", add);
  section.addEventListener("keydown", leave);
  place();
  if (hasFocus) section.focus();
}

function place() {
  const body = $("#panel .panel-body");
  if (!body) return;
  body.prepend(shown.section);
  if (shown.isAwaited) shown.section.focus();
  shown.isAwaited = false;
}

// The details were loaded anew: so is this, unless something is being written in it.
export async function restoreContext() {
  if (!shown) return;
  if (shown.id !== openId()) {
    shown = null;
    return;
  }
  place();
  const known = shown;
  const html = await fetchFragment(path(known, "context")).catch(() => null);
  const isWriting = [...known.section.querySelectorAll("input")].some((input) => input.value || input === document.activeElement);
  if (html && shown === known && !isWriting) put(html, known);
}

function closeContext() {
  if (!shown) return;
  const { section, message } = shown;
  shown = null;
  section.remove();
  const origin = document.getElementById(`m-${message}`);
  (origin?.getClientRects().length ? origin : $("#panel")).focus();
}

async function change(content, { field = "added" } = {}) {
  const known = shown;
  try {
    put(await post(path(known, "labels"), content), known);
    announce(say("saved"));
    $(`[name=${field}]`, shown.section)?.focus();
  } catch (problem) {
    const error = $(".fact-error", known.section);
    error.textContent = problem.errors[0]?.message ?? (problem.detail || say("failed"));
    error.hidden = false;
  }
}

function act({ target }) {
  const label = target.closest("[data-unlabel]");
  const field = target.closest("[data-unset]");
  if (label) change({ removed: label.dataset.unlabel });
  if (field) change({ name: field.dataset.unset }, { field: "name" });
}

function add(event) {
  event.preventDefault();
  event.stopPropagation();
  change(new FormData(event.target), { field: event.target.dataset.form === "field" ? "name" : "added" });
}

function leave(event) {
  if (event.key !== "Escape") return;
  event.preventDefault();
  closeContext();
}

onDo("close-context", closeContext);
