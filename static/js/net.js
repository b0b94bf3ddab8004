// Asking the server. Every failure is a Problem: `status` 0 when it was not reached.

import { conf } from "./conf.js";
import { $, announce } from "./dom.js";

export class Problem extends Error {
  constructor(status, { code = "", detail = "", current = null, errors = [], request_id: reference = "" } = {}) {
    super(detail || `HTTP ${status}`);
    Object.assign(this, { status, code, detail, current, errors, reference });
  }

  get isTemporary() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

async function ask(path, { headers, ...options }) {
  let response;
  try {
    response = await fetch(path, { headers: { "X-Account": conf.account.id, ...headers }, ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0);
  }
  if (response.ok) return response;
  const isProblem = response.headers.get("Content-Type")?.includes("problem+json");
  const problem = new Problem(response.status, isProblem ? await response.json() : {});
  if (problem.status === 401) showSignedOut();
  if (problem.code === "other_account") location = conf.page;
  throw problem;
}

export async function fetchFragment(path, { name = "part", signal } = {}) {
  const response = await ask(path, { headers: { "X-Fragment": name }, signal });
  return response.text();
}

// `content`: an object of fields or a FormData. Resolves to the response's text.
export async function post(path, content) {
  const body = content instanceof FormData ? content : new URLSearchParams(content);
  const response = await ask(path, { method: "POST", headers: { "X-Fragment": "answer", "X-CSRFToken": conf.csrf }, body });
  return response.text();
}

export const pathOf = (id, part = "") => `${conf.page}c/${id}/${part}`;

// Drafts and the queue are in this browser: whoever signs in again finds them.
export function showSignedOut() {
  const dialog = $("#session");
  if (dialog.open) return;
  $("#sign-in").href = `${conf.signIn}?next=${encodeURIComponent(location.pathname + location.search)}`;
  announce($("#session-title").textContent, { urgent: true });
  dialog.showModal();
}
