// Writing from the details: on a channel that the contact uses, and first on one that they have not used.

import { say } from "../conf.js";
import { setMode } from "../composer.js";
import { $, $$, isWide, onDo, toast } from "../dom.js";
import { pathOf, post } from "../net.js";
import { openId } from "../pane.js";
import { setPanel } from "./panel.js";

const dialog = $("#start");
const form = $("form", dialog);
const error = $(".fact-error", form);
let wanted = {};

// The choice is the agent's, as if they had made it in the list itself.
onDo("write", ({ dataset }) => {
  if (!isWide()) {
    setPanel(false);
    $("#details").setAttribute("aria-expanded", "false");
  }
  const via = $("#via");
  via.value = dataset.thread;
  via.dispatchEvent(new Event("change", { bubbles: true }));
  setMode("reply");
});

onDo("start", (button) => {
  wanted = { id: openId(), channel: button.dataset.channel, client_id: crypto.randomUUID() };
  const mode = "template" in button.dataset ? "template" : "text";
  form.reset();
  error.hidden = true;
  $("#start-channel").textContent = button.dataset.name;
  for (const part of $$("[data-for]", form)) {
    part.hidden = part.dataset.for !== mode;
    const field = $("input, textarea", part);
    if (field) field.required = !part.hidden;
  }
  dialog.showModal();
  $(`[name=${mode}]`, form).focus();
});

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const { id, ...content } = wanted;
  try {
    await post(pathOf(id, "start/"), { ...content, ...Object.fromEntries(new FormData(form)) });
    dialog.close();
    toast(say("started"));
  } catch (problem) {
    error.textContent = problem.errors[0]?.message ?? (problem.detail || say("failed"));
    error.hidden = false;
  }
});
