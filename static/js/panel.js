// Details of the contact: fields edited in place, links undone, sections folded. Loaded when it is first shown.

import { conf, memory, say, setCookie } from "./conf.js";
import { restoreContext } from "./context.js";
import { $, $$, announce, app, isPhone, isWide, parse, show, stamp, toast } from "./dom.js";
import { fetchFragment, pathOf, post } from "./net.js";
import { openId, showError } from "./pane.js";
import { fillTimes } from "./times.js";

const pane = $("#panel");
const editing = () => $(".fact-form", pane);
let asked = "";

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
  if (openId() && !editing()) load(openId());
}

async function load(id) {
  asked = id;
  try {
    const html = await fetchFragment(pathOf(id, "panel/"));
    if (asked === id && !editing()) put(html);
  } catch (problem) {
    if (asked === id) showError(pane, problem, () => load(id));
  }
}

function put(html) {
  const active = document.activeElement;
  const focused = active?.closest(".fact")?.dataset.field;
  const top = $(".panel-body", pane)?.scrollTop ?? 0;
  pane.replaceChildren(parse(html));
  dress();
  $(".panel-body", pane).scrollTop = top;
  if (focused) $(`.fact[data-field="${CSS.escape(focused)}"] button`, pane)?.focus();
  else if (pane.contains(active)) active.focus();
}

function dress() {
  fillTimes(pane);
  restoreContext();
  const folded = memory.get("folded", []);
  for (const section of $$("details.section", pane)) section.open = !folded.includes(section.dataset.section);
}

function edit(fact) {
  const form = stamp("field");
  const input = $("input", form);
  const button = $(".fact-edit", fact);
  input.value = $(".fact-empty", button) ? "" : button.textContent.trim();
  input.setAttribute("aria-label", $("dt", fact).textContent);
  form.dataset.before = input.value;
  button.hidden = true;
  button.after(form);
  input.select();
}

function close(form, { focus = true } = {}) {
  const button = $(".fact-edit", form.closest(".fact"));
  button.hidden = false;
  form.remove();
  if (focus) button.focus();
}

async function save(form, { next = false, version = null } = {}) {
  const fact = form.closest(".fact");
  const input = $("input", form);
  if (form.dataset.saving) return;
  if (input.value.trim() === form.dataset.before && version === null) {
    close(form, { focus: !next });
    return;
  }
  form.dataset.saving = "1";
  const facts = $$(".fact[data-field]", pane);
  const follower = next ? facts[facts.indexOf(fact) + 1]?.dataset.field : fact.dataset.field;
  try {
    const shown = $(".panel-body", pane).dataset;
    const content = { name: fact.dataset.field, value: input.value.trim(), version: version ?? shown.version };
    const html = await post(pathOf(shown.contact, "panel/field/"), content);
    form.remove();
    put(html);
    announce(say("saved"));
    const target = $(`.fact[data-field="${CSS.escape(follower ?? "")}"]`, pane);
    if (next && target) edit(target);
    else $(".fact-edit", target ?? pane)?.focus();
  } catch (problem) {
    delete form.dataset.saving;
    if (problem.status === 409 && problem.current) choose(form, problem.current);
    else complain(form, problem);
  }
}

function complain(form, problem) {
  const error = $(".fact-error", form);
  error.hidden = false;
  error.id = "fact-error";
  error.textContent = problem.errors[0]?.message ?? (problem.detail || say("failed"));
  const input = $("input", form);
  input.setAttribute("aria-invalid", "true");
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
  mine.addEventListener("click", () => save(form, { version: current.version }));
  theirs.addEventListener("click", () => {
    close(form);
    reloadPanel();
  });
  choice.append(mine, theirs);
  $(".fact-choice", form)?.remove();
  form.append(choice);
  mine.focus();
}

pane.addEventListener("click", async (event) => {
  const button = event.target.closest(".fact-edit");
  if (button) {
    if (editing()) save(editing(), { next: true });
    edit(button.closest(".fact"));
  }
  const undo = event.target.closest("[data-undo]");
  if (!undo) return;
  undo.disabled = true;
  try {
    await post(pathOf($(".panel-body", pane).dataset.contact, "undo/"), { evidence: undo.dataset.undo });
    toast(say("link_undone"));
    reloadPanel();
  } catch (problem) {
    undo.disabled = false;
    toast(problem.detail || say("failed"));
  }
});

pane.addEventListener("submit", (event) => {
  event.preventDefault();
  save(event.target);
});

pane.addEventListener("keydown", (event) => {
  const form = event.target.closest(".fact-form");
  if (!form) return;
  if (event.key === "Escape") {
    event.preventDefault();
    event.stopPropagation();
    close(form);
  } else if (event.key === "Tab" && !event.shiftKey && event.target.matches("input")) {
    event.preventDefault();
    save(form, { next: true });
  }
});

pane.addEventListener("toggle", (event) => {
  if (!event.target.matches(".section")) return;
  memory.set("folded", $$(".section:not([open])", pane).map((section) => section.dataset.section));
}, { capture: true });
