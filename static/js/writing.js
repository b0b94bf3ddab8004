// Lists behind / and @, and questions about ⟦gaps⟧, are loaded when they are first needed.

import { $, onDo } from "./dom.js";

const GAP = /⟦[^⟦⟧]+⟧/;
const SIGN = /(?:^|\s)[/@][^\n]{0,40}$/;

let loading = null;
let isReady = false;

function load() {
  loading ??= import("./later/signs.js");
  loading.then(() => (isReady = true), () => (loading = null));
  return loading;
}

const isAtSign = (field) => SIGN.test(field.value.slice(0, field.selectionStart));

// A half-typed shortcut must not be sent.
export const isStillLoading = (field) => loading !== null && !isReady && isAtSign(field);

export function noticeText(field) {
  const isNeeded = loading || GAP.test(field.value) || isAtSign(field);
  if (isNeeded) load().then((signs) => signs.notice(field), () => {});
}

// Whether sending waits for an answer.
export function asksAboutGaps(text) {
  if (!GAP.test(text)) return false;
  load().then((signs) => signs.askAboutGaps(text), () => $("[data-do=send-anyway]").click());
  return true;
}

export function startWriting() {
  onDo("canned", () => load().then((signs) => signs.beginCanned(), () => {}));
  $("#middle").addEventListener("focusin", (event) => event.target.id === "text" && load().catch(() => {}));
}
