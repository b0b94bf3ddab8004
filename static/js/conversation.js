// Which conversation is open: opening, prefetching, the browser's history, and keeping its head and composer as the server says.

import { conf, say } from "./conf.js";
import { $, $$, app, isPhone, isWide, onDo, parse, show, throttle, whenReleased } from "./dom.js";
import { leaveComposer, mountComposer, refreshVia } from "./composer.js";
import { currentLink, list, markOpen, rowLinks, showDraftOf } from "./list.js";
import { view } from "./live.js";
import { fetchFragment, pathOf } from "./net.js";
import { openId, showError } from "./pane.js";
import { setTitle } from "./tally.js";
import { fillTimes } from "./times.js";
import { fetchMessages, look, mountTimeline, reloadMessages, stopPeeking } from "./timeline.js";

const KEPT = 20;
const NAMED = 200;
const HOVER = 65;
const AT_ONCE = 2;

const cache = new Map(); // id -> promise of a fragment, the oldest first
let fetching = 0;
let request = null;
let panel = null; // loaded when it is first needed
let asked = 0;
let answered = 0; // what was overtaken does not count

// Messages the log named lately: a fragment may be older than what was told before it came.
const named = [];

export function note({ conversation, message, seq }) {
  named.push({ conversation, message, seq });
  if (named.length > NAMED) named.shift();
}

function catchUp(id) {
  const seq = Number($(".conversation").dataset.seq);
  const missed = named.filter((event) => event.conversation === id && event.seq > seq).map((event) => event.message);
  if (missed.length) fetchMessages([...new Set(missed)]).catch(() => {});
}

export function dropCached(id) {
  cache.delete(id);
}

function fetchConversation(id, signal) {
  return fetchFragment(pathOf(id), { name: "conversation", signal });
}

function prefetch(id) {
  if (id === openId() || cache.has(id) || request || fetching >= AT_ONCE) return;
  fetching += 1;
  const fragment = fetchConversation(id).finally(() => {
    fetching -= 1;
  });
  fragment.catch(() => cache.delete(id));
  cache.set(id, fragment);
  if (cache.size > KEPT) cache.delete(cache.keys().next().value);
}

// `push`: a step of its own in the history. `focus`: move to the name, as on a phone. `peek`: nothing counts as read.
export async function openConversation(id, { push = true, focus = false, peek = false } = {}) {
  if (id === openId() && $(".conversation")) {
    if (!peek) {
      stopPeeking();
      if (push) remember(id);
      show("conversation");
    }
    if (focus || isPhone()) $("#name")?.focus();
    return;
  }
  const before = openId();
  leaveComposer();
  request?.abort();
  const mine = new AbortController();
  request = mine;
  app.dataset.conversation = id;
  markOpen();
  if (before) showDraftOf(before);
  if (push) remember(id);
  if (!peek) show("conversation");
  const main = $("#middle");
  main.ariaBusy = true;
  try {
    const cached = cache.get(id);
    cache.delete(id);
    const html = await (cached?.catch(() => fetchConversation(id, mine.signal)) ?? fetchConversation(id, mine.signal));
    if (request !== mine) return;
    main.replaceChildren(parse(html));
    mount({ peek });
    if (focus || (isPhone() && !peek)) $("#name").focus();
  } catch (problem) {
    if (problem.name === "AbortError" || request !== mine) return;
    showError(main, problem, () => openAgain(id));
    $("#panel").replaceChildren();
  } finally {
    if (request === mine) {
      request = null;
      main.ariaBusy = null;
    }
  }
}

export function openAgain(id) {
  app.dataset.conversation = "";
  openConversation(id, { push: false });
}

function remember(id) {
  const path = `${pathOf(id)}${list.query}`;
  if (location.pathname + location.search === path) return;
  history.pushState({ id }, "", path);
}

function mount({ peek = false } = {}) {
  const { id } = $(".conversation").dataset;
  if (id !== openId()) {
    app.dataset.conversation = id;
    history.replaceState({ id }, "", `${pathOf(id)}${list.query}`);
    markOpen();
  }
  dressHead($("#head"));
  mountComposer();
  mountTimeline({ isPeek: peek });
  setTitle($("#name").textContent);
  showDraftOf(id);
  view(id);
  catchUp(id);
  loadPanel();
}

function dressHead(head) {
  fillTimes(head);
  const name = $(`[data-agent="${conf.me.id}"]`, head);
  if (name) name.textContent = say("you");
  $("#details", head).ariaExpanded = isPanelShown();
}

// Head, banner and channels once more. What is as before stays in place: no click falls between the old and the new.
export const refreshBar = throttle(400, async () => {
  const id = openId();
  if (!id) return;
  const mine = ++asked;
  try {
    const bar = parse(await fetchFragment(pathOf(id), { name: "bar" }));
    whenReleased(() => mine > answered && id === openId() && $("#head") && putBar(bar, mine));
  } catch {
    // The next change asks again.
  }
});

function putBar(bar, number) {
  answered = number;
  refreshHead($("#head"), $("#head", bar));
  if (!$("#banner").isEqualNode($("#banner", bar))) $("#banner").replaceWith($("#banner", bar));
  refreshVia($("#via", bar));
  look();
}

function refreshHead(old, fresh) {
  dressHead(fresh);
  $("#presence", fresh).textContent = $("#presence", old).textContent;
  for (const button of $$("[popovertarget][aria-expanded]", old)) {
    const same = $(`[popovertarget="${button.getAttribute("popovertarget")}"]`, fresh);
    same?.setAttribute("aria-expanded", button.getAttribute("aria-expanded"));
  }
  if (old.isEqualNode(fresh)) return;
  const focused = old.contains(document.activeElement) ? focusKey(document.activeElement) : null;
  old.replaceWith(fresh);
  if (focused) ($(focused) ?? $("#name")).focus();
}

// How to find the same control in the new head.
function focusKey(element) {
  const menu = element.getAttribute("popovertarget");
  if (menu) return `#head [popovertarget="${menu}"]`;
  return element.id ? `#${element.id}` : "#head .head-status";
}

// All of the open conversation after a hole in the log; drafts stay.
export function reloadConversation() {
  if (!$(".conversation")) return;
  refreshBar();
  reloadMessages().catch(() => {});
  panel?.reloadPanel();
}

// The open conversation went into another, or came out of one.
export function follow(from, to) {
  for (const id of [...from, to]) dropCached(id);
  if (from.includes(openId())) {
    app.dataset.conversation = "";
    openConversation(to, { push: false });
  } else if (to === openId()) reloadConversation();
}

// Details

function isPanelShown() {
  if (isPhone()) return app.dataset.view === "details";
  return isWide() ? app.dataset.panel !== "off" : app.dataset.panel === "open";
}

async function withPanel(run) {
  try {
    panel ??= (await Promise.all([import("./later/panel.js"), import("./later/customer.js")]))[0];
  } catch {
    return addEventListener("online", () => withPanel(run), { once: true });
  }
  run(panel);
}

function loadPanel() {
  if (isPanelShown()) withPanel((module) => module.showPanel(openId()));
}

export const refreshPanel = () => isPanelShown() && withPanel((module) => module.reloadPanel());

export function togglePanel() {
  const isShown = !isPanelShown();
  withPanel((module) => {
    module.setPanel(isShown);
    loadPanel();
    $("#details")?.setAttribute("aria-expanded", String(isPanelShown()));
  });
}

export function showDetailsOf(message) {
  if (!isPanelShown()) togglePanel();
  withPanel((module) => module.showContext(message));
}

export function closePanel() {
  if (isWide() || !isPanelShown()) return false;
  togglePanel();
  $("#details")?.focus();
  return true;
}

export function backToList() {
  show("list");
  (currentLink() ?? rowLinks()[0])?.focus();
}

export function startConversation() {
  let hover = 0;
  const pane = $("#list");
  pane.addEventListener("pointerover", (event) => {
    clearTimeout(hover);
    const row = event.target.closest(".row");
    if (row) hover = setTimeout(prefetch, HOVER, row.dataset.id);
  });
  pane.addEventListener("focusin", (event) => {
    const row = event.target.closest(".row");
    if (row) prefetch(row.dataset.id);
  });
  pane.addEventListener("click", (event) => {
    const link = event.target.closest(".row-link");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    openConversation(link.parentElement.dataset.id);
  });
  addEventListener("popstate", () => {
    const [, id] = location.pathname.match(/\/c\/([0-9a-f-]{36})\//) ?? [];
    if (id) openConversation(id, { push: false });
    else if (isPhone()) backToList();
  });
  onDo("back", () => {
    if (history.state?.id) history.back();
    backToList();
  });
  onDo("close-panel", togglePanel);
  onDo("undetail", togglePanel);
  document.addEventListener("click", (event) => event.target.closest("#details") && togglePanel());
  for (const name of ["pointerdown", "keydown"]) $("#middle").addEventListener(name, stopPeeking, { passive: true });
  if ($(".conversation")) mount();
  else if (!isPhone() && rowLinks().length) openConversation(rowLinks()[0].parentElement.dataset.id, { push: false, peek: true });
  else setTitle("");
}
