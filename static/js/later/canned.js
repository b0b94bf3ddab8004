// Canned replies in the composer: / and what follows it finds them, filled in by the server.

import { say } from "../conf.js";
import { $, parse } from "../dom.js";
import { fetchFragment, pathOf } from "../net.js";
import { openId } from "../pane.js";

const GAP = /⟦[^⟦⟧]+⟧/;
const PAUSE = 120;

let request = null;

export const canned = {
  pattern: /(?:^|\s)(\/[^\s/]{0,40})$/,
  isOn: () => true,
  label: () => say("canned"),
  async find(q) {
    request?.abort();
    const mine = new AbortController();
    request = mine;
    if (q) await new Promise((resolve) => setTimeout(resolve, PAUSE));
    if (mine.signal.aborted) return [];
    const query = new URLSearchParams({ q, thread: $("#via")?.value ?? "" });
    return [...parse(await fetchFragment(`${pathOf(openId(), "canned/")}?${query}`, { signal: mine.signal })).children];
  },
  textOf: (item) => item.dataset.text,
  // The first thing that is missing is marked, so that the next key writes over it.
  onTaken(item, start) {
    const gap = item.dataset.text.match(GAP);
    if (gap) $("#text").setSelectionRange(start + gap.index, start + gap.index + gap[0].length);
  },
};
