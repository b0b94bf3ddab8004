// Details of the contact: fields edited in place, sections folded. Loaded when it is first shown.

import { memory, say, setCookie } from "../conf.js";
import { restoreContext } from "./context.js";
import { $, $$, announce, app, isPhone, isWide, parse, show, stamp, whenReleased } from "../dom.js";
import { fetchFragment, pathOf, post } from "../net.js";
import { openId, showError } from "../pane.js";
import { fillTimes } from "../times.js";

export { showContext } from "./context.js";

export const pane = $("#panel");
export const shown = () => $(".panel-body", pane).dataset.contact;
const editing = () => $(".fact-form", pane);
const isBusy = () => editing() || $(":popover-open", pane);
let asked = 0;
let isStale = false; // something changed while the agent was busy

// Beside the conversation, over it, or in its place.
export function setPanel(isShown) {
  if (isPhone()) {
    show(isShown ? "details" : "conversation");
    if (isShown) pane.focus();
  } else if (isWide()) {
    app.dataset.panel = isShown ? "on" : "off";
    setCookie("panel", app.dataset.panel);
  } else {
    app.dataset.panel = isShown ? "open" : "on";
    if (isShown) pane.focus();
  }
}

export async function showPanel(id) {
  if ($(".panel-body", pane)?.dataset.contact === id) dress();
  else await load(id);
}

// Not while a field is being edited: what is written there stays.
export function reloadPanel() {
  isStale = Boolean(isBusy());
  if (openId() && !isStale) load(openId());
}

// Of several answers only the last one counts.
async function load(id) {
  const mine = ++asked;
  try {
    const html = await fetchFragment(pathOf(id, "panel/"));
    await new Promise(whenReleased);
    if (asked !== mine) return;
    if (isBusy()) isStale = true;
    else put(html);
  } catch (problem) {
    if (asked === mine) showError(pane, problem, () => load(id));
  }
}

// What is half written stays, and so do the focus and the open history.
export function put(html) {
  const before = $(".panel-body", pane);
  const content = parse(html);
  const isSame = before?.dataset.contact === $(".panel-body", content).dataset.contact;
  const active = pane.contains(document.activeElement) ? document.activeElement : null;
  const field = active?.closest(".fact")?.dataset.field;
  const drafts = isSame ? $$("[data-draft]", pane).filter((input) => input.value) : [];
  const hasHistory = isSame && $("[data-history]", pane).open;
  pane.replaceChildren(content);
  dress();
  isStale = false;
  $("[data-history]", pane).open = hasHistory;
  $(".panel-body", pane).scrollTop = before?.scrollTop ?? 0;
  for (const draft of drafts) $(`[data-draft="${draft.dataset.draft}"]`, pane)?.replaceWith(draft);
  const again = field
    ? `.fact[data-field="${CSS.escape(field)}"] button`
    : (active?.id && `#${active.id}`) || (active?.dataset.draft && `[data-draft="${active.dataset.draft}"]`);
  if (drafts.includes(active)) active.focus();
  else if (again) $(again, pane)?.focus();
  else if (active) (pane.contains(active) ? active : pane).focus();
}

function dress() {
  fillTimes(pane);
  restoreContext();
  const folded = memory.get("folded", []);
  for (const section of $$("details.section:not([data-history])", pane)) section.open = !folded.includes(section.dataset.section);
}

function edit(fact) {
  const form = stamp("field");
  const input = $("template", fact).content.firstElementChild.cloneNode(true);
  const button = $(".fact-edit", fact);
  form.prepend(input);
  button.hidden = true;
  button.after(form);
  input.focus();
  input.select?.();
}

function close(form, { focus = true } = {}) {
  const button = $(".fact-edit", form.closest(".fact"));
  button.hidden = false;
  form.remove();
  if (focus) button.focus();
  if (isStale) reloadPanel();
}

// `before`: what the agent has seen of the field.
async function save(form, { next = false, before = null } = {}) {
  const fact = form.closest(".fact");
  const input = $(".input", form);
  if (form.dataset.saving) return;
  if (input.validity.badInput) {
    complain(form, { errors: [{ message: input.validationMessage }] });
    return;
  }
  if (input.value.trim() === fact.dataset.value && before === null) {
    close(form, { focus: !next });
    if (next) editNext(fact);
    return;
  }
  form.dataset.saving = "1";
  const named = `.fact[data-field="${CSS.escape(fact.dataset.field)}"]`;
  try {
    const content = { name: fact.dataset.field, value: input.value.trim(), before: before ?? fact.dataset.value };
    const html = await post(pathOf(shown(), "panel/field/"), content);
    form.remove();
    put(html);
    announce(say("saved"));
    const saved = $(named, pane);
    if (next) editNext(saved);
    else $(".fact-edit", saved)?.focus();
  } catch (problem) {
    delete form.dataset.saving;
    if (problem.status === 409 && problem.current) choose(form, problem.current);
    else complain(form, problem);
  }
}

function editNext(fact) {
  const facts = $$(".fact[data-field]", pane);
  const follower = facts[facts.indexOf(fact) + 1];
  if (follower) edit(follower);
  else $(".fact-edit", fact)?.focus();
}

function complain(form, problem) {
  const error = $(".fact-error", form);
  error.hidden = false;
  error.id = "fact-error";
  error.textContent = problem.errors[0]?.message ?? (problem.detail || say("failed"));
  const input = $(".input", form);
  input.ariaInvalid = true;
  input.setAttribute("aria-describedby", "fact-error");
  input.focus();
}

// Somebody else was faster: both values, and the agent decides.
function choose(form, current) {
  const error = $(".fact-error", form);
  error.hidden = false;
  error.textContent = say("conflict");
  const choice = Object.assign(document.createElement("div"), { className: "fact-choice" });
  const [mine, theirs] = [say("keep_mine"), say("use_theirs", { value: current.value || say("empty") })].map((text) =>
    Object.assign(document.createElement("button"), { type: "button", className: "button button-small", textContent: text }),
  );
  mine.addEventListener("click", () => save(form, { before: current.value }));
  theirs.addEventListener("click", () => {
    isStale = true;
    close(form);
  });
  choice.append(mine, theirs);
  $(".fact-choice", form)?.remove();
  form.append(choice);
  mine.focus();
}

pane.addEventListener("click", (event) => {
  const button = event.target.closest(".fact-edit");
  if (!button) return;
  if (editing()) close(editing(), { focus: false });
  edit(button.closest(".fact"));
});

pane.addEventListener("submit", (event) => {
  event.preventDefault();
  if (event.target.matches(".fact-form")) save(event.target);
});

pane.addEventListener("keydown", (event) => {
  const form = event.target.closest(".fact-form");
  if (!form) return;
  if (event.key === "Escape") {
    event.preventDefault();
    event.stopPropagation();
    close(form);
  } else if (event.key === "Enter" && event.target.matches("select")) {
    event.preventDefault();
    save(form);
  } else if (event.key === "Tab" && !event.shiftKey && event.target.matches(".input:not([type=date])")) {
    event.preventDefault();
    save(form, { next: true });
  }
});

pane.addEventListener("toggle", (event) => {
  if (event.target.matches("[popover]") && isStale) reloadPanel();
  if (!event.target.matches(".section:not([data-history])")) return;
  memory.set("folded", $$("details.section:not([open], [data-history])", pane).map((section) => section.dataset.section));
}, { capture: true });
