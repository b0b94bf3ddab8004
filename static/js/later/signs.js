// The signs that open a list of suggestions, and their sources.

import { stamp } from "../dom.js";
import { canned } from "./canned.js";
import { begin, look, startSuggesting } from "./suggest.js";

const sources = [canned];

export const lookAround = () => sources.forEach((source) => look(source));
export const beginCanned = () => begin(canned, "/");

const style = stamp("suggest-style");
await new Promise((resolve) => {
  style.onload = style.onerror = resolve;
  document.head.append(style);
});
startSuggesting();
