// The signs that open a list of suggestions, and their sources.

import { stamp } from "../dom.js";
import { canned } from "./canned.js";
import { askAboutGaps, showGaps } from "./gaps.js";
import { mentions } from "./mentions.js";
import { begin, look, startSuggesting } from "./suggest.js";

const sources = [canned, mentions];

export function notice(field) {
  showGaps(field.value);
  if (document.activeElement === field) for (const source of sources) look(source);
}

export { askAboutGaps };
export const beginCanned = () => begin(canned, "/");

const style = stamp("suggest-style");
await new Promise((resolve) => {
  style.onload = style.onerror = resolve;
  document.head.append(style);
});
startSuggesting();
