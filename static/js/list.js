// The list of conversations. Rows come rendered; which list they belong to, and "you", is decided here.
// No row moves under the pointer or the focus: what would move waits behind a pill.

import { conf, memory, say, sayCount } from "./conf.js";
import { $, $$, app, debounce, icon, parse, parseOne, whenReleased } from "./dom.js";
import { fetchFragment } from "./net.js";
import { showError } from "./pane.js";
import { forget, learn, recount, setCounts } from "./tally.js";
import { fillTimes, now, span } from "./times.js";

const MOST_ROWS = 400;
const WAITS_LONG = 60 * 60_000;
const me = String(conf.me.id);

export const list = { query: location.search };

let held = new Map(); // id -> row element, or null for one that leaves
let request = null;
const told = []; // what came while a list was asked for is newer than the answer
let isLoadingMore = false;
const released = new Set(); // what the agent just did something to moves at once

const rows = () => $("#rows");
const items = () => $("ul", rows());
const rowOf = (id) => $(`.row[data-id="${id}"]`, rows());
const allRows = () => $$(".row", rows());

export const rowLinks = () => $$(".row-link", rows());
export const currentLink = () => $('.row-link[aria-current="true"]', rows());

export function mountList() {
  held = new Map();
  for (const row of allRows()) {
    dress(row);
    learn(row);
  }
  markOpen();
  setCounts(rows().dataset.counts);
  watchEnd();
  showHeld();
}

// What depends on who looks.
function dress(row) {
  fillTimes(row);
  for (const name of $$(`[data-agent="${me}"]`, row)) name.textContent = say("you");
  if (rows().dataset.box === "mine") $(`.chip [data-agent="${me}"]`, row)?.parentElement.remove();
  const { id, waiting } = row.dataset;
  const wait = waiting ? now() - Date.parse(waiting) : 0;
  $(".chip-wait", row)?.remove();
  if (wait >= 60_000) {
    const chip = parseOne(`<span class="chip chip-wait${wait >= WAITS_LONG ? " chip-warn" : ""}"><span></span></span>`);
    chip.prepend(icon("clock", 11));
    chip.lastChild.textContent = say("waiting", { time: span(wait) });
    const chips = $(".row-chips", row);
    chips.insertBefore(chip, $(".chip:not(.chip-danger)", chips));
  }
  if (isCalling(row) && !$(".chip-called", row)) {
    const chip = parseOne('<span class="chip chip-warn chip-called"><span></span></span>');
    chip.firstChild.textContent = `@ ${say("you")}`;
    $(".row-chips", row).prepend(chip);
  }
  showDraft(row, memory.get(`draft.${id}`));
}

function showDraft(row, draft) {
  if (!row) return;
  const preview = $(".row-preview", row);
  const text = draft?.reply?.trim();
  if (text && row.dataset.id !== app.dataset.conversation) {
    row.dataset.preview ??= preview.innerHTML;
    const label = parseOne('<span class="row-draft"></span>');
    label.textContent = say("draft");
    preview.replaceChildren(label, ` ${text.slice(0, 120)}`);
  } else if (row.dataset.preview) {
    preview.innerHTML = row.dataset.preview;
    delete row.dataset.preview;
  }
}

export const showDraftOf = (id) => showDraft(rowOf(id), memory.get(`draft.${id}`));

// The open conversation, and the one row that Tab reaches.
export function markOpen() {
  const open = app.dataset.conversation;
  let reachable = null;
  for (const link of rowLinks()) {
    const isOpen = link.parentElement.dataset.id === open;
    link.ariaCurrent = isOpen ? "true" : null;
    link.tabIndex = -1;
    if (isOpen || !reachable) reachable = link;
  }
  if (reachable) reachable.tabIndex = 0;
}

const isCalling = (row) => row.dataset.mentions?.split(" ").includes(me);

function belongs(row) {
  const { box, status, unread, channel, team, label, q } = rows().dataset;
  const { id, assignees, status: state, unread: count, channels, team: its, labels } = row.dataset;
  if (status !== "all" && state !== status) return false;
  if (box === "mine" && !assignees.split(" ").includes(me)) return false;
  if (box === "mentions" && !isCalling(row) && !rowOf(id)) return false;
  if (box === "unassigned" && assignees.trim() !== "") return false;
  if (unread && count === "0" && id !== app.dataset.conversation) return false;
  if (channel && !channels.split(" ").includes(channel)) return false;
  if (team && its !== team) return false;
  if (label && !JSON.parse(labels).includes(label)) return false;
  return !q || rowOf(id) !== null;
}

const isFrozen = () => rows().contains(document.activeElement) || (matchMedia("(hover: hover)").matches && rows().matches(":hover"));

// `fresh`: rendered rows by id; `gone`: ids of conversations that are not there any more.
export function applyRows(fresh, gone = []) {
  if (request) told.push([fresh, gone]);
  for (const [id, html] of Object.entries(fresh)) {
    const row = parseOne(html);
    recount(row);
    dress(row);
    settle(id, belongs(row) ? row : null);
  }
  for (const id of gone) {
    forget(id);
    settle(id, null);
  }
  markOpen();
  showHeld();
}

function settle(id, row) {
  const present = rowOf(id);
  if (!present && !row) {
    held.delete(id);
    return;
  }
  const moves = !present || !row || placeFor(row, present) !== present.nextElementSibling;
  if (moves && isFrozen() && !released.has(id)) {
    held.set(id, row);
    if (present && row) replaceRow(present, row.cloneNode(true));
    return;
  }
  held.delete(id);
  if (!row) remove(present);
  else if (present && !moves) replaceRow(present, row);
  else insert(row, present);
}

function replaceRow(present, row) {
  const hadFocus = present.contains(document.activeElement);
  present.replaceWith(row);
  if (hadFocus) $(".row-link", row).focus({ preventScroll: true });
}

// The row before which `row` stands by its activity, null for the end.
function placeFor(row, besides) {
  return [...items().children].find((other) => other !== besides && !(other.dataset.activity > row.dataset.activity)) ?? null;
}

function insert(row, present) {
  $(".state", items())?.remove(); // what an empty list says
  const before = placeFor(row, present);
  if (before?.matches(".rows-more") && !present) return; // comes with its page
  const hadFocus = present?.contains(document.activeElement);
  present?.remove();
  items().insertBefore(row, before);
  if (hadFocus) $(".row-link", row).focus({ preventScroll: true });
}

function remove(row) {
  const next = row.nextElementSibling ?? row.previousElementSibling;
  const hadFocus = row.contains(document.activeElement);
  row.remove();
  if (hadFocus) $(".row-link", next ?? row)?.focus();
  if (!allRows().length) reloadList();
}

export function release(id) {
  released.add(id);
  setTimeout(() => released.delete(id), 5_000);
}

function showHeld() {
  const pill = $("#news");
  pill.hidden = held.size === 0;
  if (held.size) pill.textContent = sayCount("updates", held.size);
}

export function applyHeld() {
  const waiting = held;
  held = new Map();
  for (const [id, row] of waiting) {
    const present = rowOf(id);
    if (!row) present && remove(present);
    else insert(row, present);
  }
  markOpen();
  showHeld();
}

export function expireRows(cutoff) {
  const limit = new Date(cutoff).toISOString();
  for (const row of allRows()) {
    if (row.dataset.activity >= limit) continue;
    forget(row.dataset.id);
    row.remove();
  }
}

// Filters and pages

export async function loadList(query, { push = true } = {}) {
  request?.abort();
  const { signal } = (request = new AbortController());
  list.query = query;
  if (push) history.replaceState(history.state, "", location.pathname + query);
  const box = rows();
  box.ariaBusy = true;
  try {
    const html = await fetchFragment(`${conf.page}list/${query}`, { signal });
    await new Promise(whenReleased);
    if (signal.aborted) return;
    const search = $("#search");
    const active = document.activeElement;
    $("#list").replaceChildren(parse(html));
    if (active === search) {
      $("#search").replaceWith(search); // with what was typed meanwhile
      search.focus();
    }
    request = null;
    mountList();
    for (const each of told.splice(0)) applyRows(...each);
    if (active.matches(".row-link")) $(".row-link", rowOf(active.parentElement.dataset.id) ?? rows())?.focus();
    for (const link of $$(".nav-channels a")) {
      const { channel, team } = rows().dataset;
      const isChosen = link.dataset.channel ? link.dataset.channel === channel : link.dataset.team === team;
      link.ariaCurrent = isChosen ? "true" : null;
    }
  } catch (problem) {
    if (problem.name === "AbortError") return;
    request = null;
    box.ariaBusy = null;
    items().replaceChildren(document.createElement("li"));
    showError(items().firstChild, problem, reloadList);
  }
}

export const reloadList = debounce(100, () => loadList(list.query, { push: false }));

function watchEnd() {
  const more = $(".rows-more", rows());
  if (!more) return;
  const observer = new IntersectionObserver(
    ([entry]) => {
      if (!entry.isIntersecting || allRows().length >= MOST_ROWS) return;
      observer.disconnect();
      loadMore(more);
    },
    { root: rows(), rootMargin: "400px" },
  );
  observer.observe(more);
}

async function loadMore(more) {
  if (isLoadingMore) return;
  isLoadingMore = true;
  try {
    const query = new URLSearchParams(list.query);
    query.set("cursor", more.dataset.next);
    const page = parse(await fetchFragment(`${conf.page}list/?${query}`));
    for (const row of page.querySelectorAll(".row")) {
      if (rowOf(row.dataset.id)) row.remove();
      else {
        dress(row);
        learn(row);
      }
    }
    more.replaceWith(page);
    markOpen();
    watchEnd();
  } catch {
    // The button stays.
  } finally {
    isLoadingMore = false;
  }
}

export function startList() {
  const pane = $("#list");
  pane.addEventListener("click", (event) => {
    const more = event.target.closest(".rows-more");
    if (more) loadMore(more);
    if (event.target.closest("#news")) applyHeld();
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-filter]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    link.closest("[popover]")?.hidePopover();
    loadList(new URL(link.href).search);
  });
  pane.addEventListener("submit", (event) => event.preventDefault());
  const search = debounce(250, (value) => {
    const query = new URLSearchParams(list.query);
    query.delete("q");
    if (value) query.set("q", value);
    loadList(query.size ? `?${query}` : "");
  });
  pane.addEventListener("input", (event) => {
    if (event.target.id === "search" && !event.isComposing) search(event.target.value.trim());
  });
  const thaw = debounce(400, () => !isFrozen() && held.size && applyHeld());
  pane.addEventListener("pointerleave", thaw);
  pane.addEventListener("focusout", thaw);
  document.addEventListener("minute", () => allRows().forEach(dress));
  mountList();
}
