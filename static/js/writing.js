// What helps while one writes is loaded with the first sign that asks for it: / and @ open lists, a ⟦gap⟧ is still to be filled in.

import { $, onDo } from "./dom.js";

const GAP = /⟦[^⟦⟧]+⟧/;
const SIGN = /(?:^|\s)[/@][^\n]{0,40}$/;

let loading = null;

function load() {
  loading ??= import("./later/signs.js");
  loading.catch(() => (loading = null));
  return loading;
}

export function noticeText(field) {
  const isNeeded = loading || GAP.test(field.value) || SIGN.test(field.value.slice(0, field.selectionStart));
  if (isNeeded) load().then((signs) => signs.notice(field), () => {});
}

// Whether sending waits for an answer; where it can't be asked for, nothing waits.
export function asksAboutGaps(text) {
  if (!GAP.test(text)) return false;
  load().then((signs) => signs.askAboutGaps(text), () => $("[data-do=send-anyway]").click());
  return true;
}

export const startWriting = () => onDo("canned", () => load().then((signs) => signs.beginCanned(), () => {}));
