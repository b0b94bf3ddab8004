// What helps while one writes: signs that open a list of suggestions, loaded when the first one is typed, and what is still to be filled in.

import { say } from "./conf.js";
import { $, announce, onDo } from "./dom.js";

const GAPS = /⟦([^⟦⟧]+)⟧/g;
const SIGN = /(?:^|\s)[/@][^\n]{0,40}$/;

const gapsIn = (text) => [...new Set([...text.matchAll(GAPS)].map(([, name]) => name))].join(", ");

let loading = null;

function load() {
  loading ??= import("./later/signs.js");
  loading.catch(() => (loading = null));
  return loading;
}

export function noticeText(field) {
  showGaps(field.value);
  if (loading || SIGN.test(field.value.slice(0, field.selectionStart))) load().then((signs) => signs.lookAround(), () => {});
}

// Which variables of a canned reply have no value yet.
export function showGaps(text) {
  const line = $("#gaps");
  const names = gapsIn(text);
  line.hidden = !names;
  line.firstElementChild.textContent = say("gaps", { names });
  for (const button of line.querySelectorAll("button")) button.hidden = true;
}

// Whether sending waits for an answer; the line asks.
export function asksAboutGaps(text) {
  const names = gapsIn(text);
  if (!names) return false;
  const line = $("#gaps");
  line.hidden = false;
  line.firstElementChild.textContent = say("send_with_gaps", { names });
  for (const button of line.querySelectorAll("button")) button.hidden = false;
  announce(line.firstElementChild.textContent, { urgent: true });
  $("[data-do=write-on]", line).focus();
  return true;
}

export function startWriting() {
  onDo("canned", () => load().then((signs) => signs.beginCanned(), () => {}));
  onDo("write-on", () => {
    showGaps($("#text").value);
    $("#text").focus();
  });
}
