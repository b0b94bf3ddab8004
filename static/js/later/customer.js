// What agents do to a contact beside its fields: tags and labels, notes, the history, who else it may be.

import { say } from "../conf.js";
import { $, announce, parse, stamp, toast } from "../dom.js";
import { fetchFragment, pathOf, post } from "../net.js";
import { pane, put, reloadPanel, shown } from "./panel.js";
import "./starts.js";
import { fillTimes } from "../times.js";

document.head.append(stamp("customer-style"));

const later = new Set(); // contacts that are not asked about until the page is loaded anew

// Resolves to whether it worked. What answers with the details is shown.
async function command(path, content, { text = "", button = null } = {}) {
  if (button) button.disabled = true;
  try {
    const html = await post(pathOf(shown(), path), content);
    if (html) put(html);
    if (text) toast(text);
    else announce(say("saved"));
    return true;
  } catch (problem) {
    if (button) button.disabled = false;
    toast(problem.errors?.[0]?.message ?? (problem.detail || say("failed")));
    return false;
  }
}

const acts = {
  "[data-word][data-add]": (button) => {
    button.closest("[popover]").hidePopover();
    command(button.dataset.word, { add: button.dataset.add }, { button });
  },
  "[data-word][data-remove]": (button) => command(button.dataset.word, { remove: button.dataset.remove }, { button }),
  "[data-unnote]": (button) => command(`notes/${button.dataset.unnote}/remove/`, {}, { button }),
  "[data-revert]": async (button) => {
    const field = button.dataset.revert;
    const before = $(`.fact[data-field="${CSS.escape(field)}"]`, pane)?.dataset.value ?? "";
    const content = { entry: button.closest("[data-entry]").dataset.entry, field, before };
    if (!(await command("revert/", content, { button }))) reloadPanel();
  },
  "[data-undo]": async (button) => {
    if (await command("undo/", { evidence: button.dataset.undo }, { text: say("link_undone"), button })) reloadPanel();
  },
  "[data-sharing]": async (button) => {
    const question = button.closest("[data-sharer]");
    const text = say(button.dataset.sharing === "join/" ? "joined" : "kept_apart");
    if (await command(button.dataset.sharing, { contact: question.dataset.sharer }, { text, button })) question.remove();
  },
  "[data-later]": (button) => {
    const question = button.closest("[data-sharer]");
    later.add(question.dataset.sharer);
    question.remove();
    pane.focus();
  },
};

pane.addEventListener("click", (event) => {
  for (const [selector, act] of Object.entries(acts)) {
    const button = event.target.closest(selector);
    if (button) act(button);
  }
});

pane.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const input = $("[data-draft]", form);
  if (!input?.value.trim()) return;
  const [path, content] = form.dataset.word ? [form.dataset.word, { add: input.value }] : ["notes/", { text: input.value }];
  const before = input.value;
  input.value = "";
  if (!(await command(path, content))) input.value ||= before;
  $(`[data-draft="${input.dataset.draft}"]`, pane)?.focus();
});

pane.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.matches("[data-note] textarea")) {
    event.preventDefault();
    event.stopPropagation();
    event.target.form.requestSubmit();
  }
});

pane.addEventListener("toggle", async ({ target }) => {
  if (!target.matches("[data-history]") || !target.open) return;
  const list = $("ul", target);
  try {
    list.replaceChildren(parse(await fetchFragment(pathOf(shown(), "panel/history/"))));
    fillTimes(list);
  } catch (problem) {
    list.textContent = problem.detail || say("not_loaded");
  }
}, { capture: true });

function hideAnswered() {
  for (const id of later) $(`[data-sharer="${id}"]`, pane)?.remove();
}

new MutationObserver(hideAnswered).observe(pane, { childList: true });

$("[inert]", pane)?.removeAttribute("inert"); // the page comes so: before this nobody would hear a click in the details
