// Variables of a canned reply that had no value stand in the text as ⟦contact.company⟧: they are named, and asked about before it is sent.

import { say } from "../conf.js";
import { $, $$, announce, onDo } from "../dom.js";

const GAPS = /⟦([^⟦⟧]+)⟧/g;

const namesIn = (text) => [...new Set([...text.matchAll(GAPS)].map(([, name]) => name))].join(", ");

function show(text, { isQuestion }) {
  const line = $("#gaps");
  line.hidden = !text;
  line.firstElementChild.textContent = text;
  for (const button of $$("button", line)) button.hidden = !isQuestion;
}

export function showGaps(text) {
  const names = namesIn(text);
  show(names && say("gaps", { names }), { isQuestion: false });
}

export function askAboutGaps(text) {
  const question = say("send_with_gaps", { names: namesIn(text) });
  show(question, { isQuestion: true });
  announce(question, { urgent: true });
  $("[data-do=write-on]").focus();
}

onDo("write-on", () => {
  showGaps($("#text").value);
  $("#text").focus();
});
