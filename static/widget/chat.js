// The chat in its frame. What is written is kept in the browser until the door has taken it; what comes is told by the socket, which
// lives only once there is a session. Tabs of one browser share `state`: each change begins with what the others left.
const $ = (id) => document.getElementById(id);
const words = JSON.parse($("phrases").textContent);
const { id, base, gone: missing } = document.body.dataset;
const KEY = `oneview:${id}`, MOST_BYTES = 25_000_000, MOST_FILES = 10, TYPING_EVERY = 3000, SILENT = 90_000;
const log = $("log"), text = $("text"), scroller = $("scroll");
const clock = new Intl.DateTimeFormat(document.documentElement.lang, { hour: "2-digit", minute: "2-digit" });
const dates = new Intl.DateTimeFormat(document.documentElement.lang, { weekday: "long", day: "numeric", month: "long" });

// `who` changes when somebody signs in or out: what was shown before is not theirs. `queue`: {client_id, text, files, taken?, failed?}.
const empty = () => ({ token: "", who: "", queue: [], seen: "", asked: false });
let state = { ...empty(), ...stored() };
let messages = new Map();
let files = [];
let socket = null, tries = 0, retry = 0, watch = 0, online = false, late = false, gone = missing !== undefined, sending = false, open = parent === window;
let parentOrigin = "", page = "", notice = "", typingUntil = 0, typedAt = 0, acked = "", wanted = false;

function stored() {
  try { return JSON.parse(localStorage.getItem(KEY)); } catch { return null; }
}

function change(edit) {
  state = { ...state, ...stored() };
  edit(state);
  try { localStorage.setItem(KEY, JSON.stringify(state)); } catch { /* no storage: the session ends with the page */ }
}

const mark = (clientId, marks) => change(({ queue }) => Object.assign(queue.find((each) => each.client_id === clientId) || {}, marks));
const newId = () => [...crypto.getRandomValues(new Uint8Array(16))].map((each) => each.toString(16).padStart(2, "0")).join("");

// Until the page around us has spoken nobody knows who it is: it hears no more than that we are here.
function tell(message) {
  if (parent !== window && (parentOrigin || message.t === "ready")) parent.postMessage({ oneview: message }, parentOrigin || "*");
}

// Requests

async function call(path, { method = "POST", body, form, token = state.token } = {}) {
  const headers = { ...(token && { Authorization: `Bearer ${token}` }), ...(body && { "Content-Type": "application/json" }) };
  const answer = await fetch(path, { method, headers, credentials: "omit", body: form || (body && JSON.stringify(body)) });
  const document = answer.headers.get("Content-Type")?.includes("json") ? await answer.json() : null;
  if (answer.status === 404) gone = true;
  if (!answer.ok) throw Object.assign(new Error(answer.status), { status: answer.status, document, wait: Number(answer.headers.get("Retry-After")) });
  return document;
}

// Within a session; one that has ended is begun anew, once.
async function visit(path, options, again = true) {
  if (!state.token) keep(await call(`${base}session/`, { body: { platform: "web", locale: document.documentElement.lang, page } }));
  const { token } = state;
  try {
    return await call(path, { ...options, token });
  } catch (error) {
    if (error.status !== 401) throw error;
    change((now) => { if (now.token === token) now.token = ""; });
    leave(); // the socket belongs to who that was
    if (again) return visit(path, options, false);
    throw error;
  }
}

function keep({ token }) {
  change((now) => { now.token = token; });
  tell({ t: "session" });
}

const door = (body) => visit(`/webhooks/webchat/${id}/`, { body });

// Sending: one after the other, in the order they were written

const unsent = () => state.queue.find((each) => !each.failed && !each.taken);
async function flush() {
  if (sending || gone || !unsent()) return;
  sending = true;
  clearTimeout(retry);
  try {
    for (let next; (next = unsent());) {
      try {
        await door({ type: "message", client_id: next.client_id, text: next.text, attachments: next.files.map((each) => each.id), page });
        mark(next.client_id, { taken: true });
      } catch (error) {
        if (!error.status || gone || [401, 429].includes(error.status) || error.status >= 500) throw error;
        mark(next.client_id, { failed: true });
        announce(words.failed);
      }
      connect();
      draw();
    }
    notice = "";
    $("details").hidden = state.asked;
  } catch (error) {
    notice = error.status === 429 ? words.too_many : "";
    retry = setTimeout(flush, error.wait ? Math.min(error.wait, 60) * 1000 : 3000 + Math.random() * 3000);
  } finally {
    sending = false;
    bar();
    draw();
  }
}

function write() {
  const value = text.value.trim();
  wanted = files.some((each) => each.busy);
  const ready = files.filter((each) => each.id).slice(0, MOST_FILES);
  if (wanted || (!value && !ready.length)) return;
  const entry = { client_id: newId(), text: value, files: ready.map(({ id, name }) => ({ id, name })) };
  change(({ queue }) => queue.push(entry));
  text.value = "";
  files = files.filter((each) => each.id && !ready.includes(each));
  drawFiles();
  draw(true);
  flush();
}

// Hearing

function connect() {
  if (!state.token || socket || gone) return;
  const ours = new WebSocket(`${location.origin.replace("http", "ws")}/ws/visitor/${id}/`, [`oneview.visitor.${state.token}`]);
  const { token } = state;
  socket = ours;
  ours.onmessage = ({ data }) => { if (socket === ours) hear(JSON.parse(data)); };
  ours.onclose = ({ code }) => {
    if (socket !== ours) return;
    leave();
    if (code === 4401) change((now) => { if (now.token === token) now.token = ""; });
    if (code === 4403) gone = true;
    setTimeout(connect, Math.min(30_000, 500 * 2 ** tries++) * (0.7 + Math.random() * 0.6));
    setTimeout(() => { late = !online; bar(); }, 1500); // a restart of ours is over by then and needs no words
    bar();
  };
}

function leave() {
  const before = socket;
  socket = null;
  online = false;
  clearTimeout(watch);
  before?.close();
}

function hear(frame) {
  clearTimeout(watch);
  watch = setTimeout(() => { leave(); connect(); }, SILENT); // a laptop that slept has a socket that looks open
  if (frame.t === "hello") {
    online = true;
    late = false;
    tries = 0;
    acked = "";
    socket.send(JSON.stringify({ t: "resume", after: [...messages.keys()].sort().pop() || null }));
    bar();
    flush();
  } else if (frame.t === "message") take(frame.message);
  else if (frame.t === "typing") {
    typingUntil = frame.on ? Date.now() + 6000 : 0;
    showTyping();
  }
}

function take(message) {
  const isNew = !messages.has(message.id), isTheirs = message.author.kind !== "user";
  messages.set(message.id, message);
  if (state.queue.some((each) => each.client_id === message.client_id)) {
    change((now) => { now.queue = now.queue.filter((each) => each.client_id !== message.client_id); });
  }
  if (isTheirs) typingUntil = 0;
  if (isNew && isTheirs && message.id > state.seen) announce(`${message.author.name || words.team}: ${message.text.slice(0, 150)}`);
  draw();
  showTyping();
  acknowledge();
}

const announce = (sentence) => { $("news").textContent = sentence; };
const theirs = () => [...messages.values()].filter((each) => each.author.kind !== "user").map((each) => each.id).sort();

function acknowledge() {
  const ids = theirs(), last = ids[ids.length - 1] || "";
  const looking = open && document.visibilityState === "visible", t = looking ? "read" : "ack", step = t + last;
  if (online && last && last >= state.seen && step !== acked && (looking || last > state.seen)) {
    socket.send(JSON.stringify({ t, up_to: last }));
    acked = step;
  }
  if (looking && last > state.seen) change((now) => { now.seen = last; });
  const count = ids.filter((each) => each > state.seen).length;
  tell({ t: "unread", count, words: words.unread.replace("%s", count) });
}

// Drawing

function draw(follow = false) {
  const near = isNear();
  const known = new Map([...log.children].map((each) => [each.dataset.key, each]));
  const entries = [...messages.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  let day = "", author = "";
  const nodes = [];
  const put = (key, print, make) => {
    let node = known.get(key);
    if (node?.dataset.print !== print) {
      node = make();
      Object.assign(node.dataset, { key, print });
    }
    nodes.push(node);
  };
  for (const each of entries) {
    const date = dates.format(new Date(each.sent_at));
    if (date !== day) put(`day:${date}`, date, () => build("li", { className: "day", textContent: date }));
    const name = each.author.kind === "user" ? "" : each.author.name || words.team;
    const says = name && (name !== author || date !== day) ? name : "";
    [day, author] = [date, name];
    const arrived = each === entries[entries.length - 1] && !state.queue.length && !name && !each.deleted_at;
    put(each.client_id || each.id, JSON.stringify([each, says, arrived]), () => bubble(each, says, arrived));
  }
  for (const each of state.queue) put(each.client_id, JSON.stringify([each, navigator.onLine]), () => pending(each));
  for (const node of [...log.children]) if (!nodes.includes(node)) node.remove();
  nodes.forEach((node, at) => { if (log.children[at] !== node) log.insertBefore(node, log.children[at] || null); });
  if (follow || near) scrollDown();
}

const isNear = () => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 80;
const scrollDown = () => { scroller.scrollTop = scroller.scrollHeight; };
function build(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

function bubble(message, says, arrived) {
  const mine = message.author.kind === "user", time = clock.format(new Date(message.sent_at));
  const node = build("li", { className: `message${mine ? " mine" : ""}${message.deleted_at ? " gone" : ""}`, title: time });
  if (says) node.append(build("span", { className: "author", textContent: message.author.kind === "bot" ? `${says} · ${words.bot}` : says }));
  else if (mine) node.append(build("span", { className: "sr", textContent: words.you }));
  const box = build("div", { className: "bubble", dir: "auto" });
  if (message.deleted_at) box.append(words.deleted);
  else box.append(...link(message.text), ...message.attachments.map(attachment));
  const notes = [message.edited_at && !message.deleted_at && words.edited, arrived && words.delivered].filter(Boolean);
  node.append(box);
  if (notes.length) node.append(build("span", { className: "note", textContent: notes.join(" · ") }));
  return node;
}

function pending(entry) {
  const node = build("li", { className: `message mine${entry.failed ? " failed" : ""}` });
  const box = build("div", { className: "bubble", dir: "auto" }, entry.text, ...entry.files.map((file) => build("div", { textContent: file.name })));
  const note = entry.failed ? build("button", { type: "button", className: "note", textContent: words.failed }) : build("span", { className: "note" });
  if (entry.failed) note.onclick = () => { mark(entry.client_id, { failed: false }); flush(); draw(); text.focus(); };
  else note.textContent = entry.taken ? words.sent : navigator.onLine ? words.sending : words.queued;
  node.append(box, note);
  return node;
}

function attachment(file) {
  const link = build("a", { href: new URL(file.url, location.origin).href, target: "_blank", rel: "noopener" });
  if (/^image\/(png|jpeg|gif|webp)$/.test(file.type)) link.append(build("img", { src: link.href, alt: file.name, onload: () => { if (isNear()) scrollDown(); } }));
  else link.textContent = file.name || file.type;
  return link;
}

function link(value) {
  return value.split(/(https?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)])/).map((part, at) =>
    at % 2 ? build("a", { href: part, textContent: part, target: "_blank", rel: "noopener noreferrer nofollow" }) : part);
}

function bar(message = notice) {
  const said = gone ? words.gone : message || (!navigator.onLine ? words.offline : state.token && late ? words.connecting : "");
  $("bar").textContent = said;
  $("bar").hidden = !said;
  $("composer").hidden = $("files").hidden = gone;
  if (gone) $("details").hidden = true;
}

function showTyping() {
  const left = typingUntil - Date.now(), near = isNear();
  $("typing").hidden = left <= 0;
  if (left > 0) setTimeout(showTyping, left);
  if (near) scrollDown();
}

// Files

async function upload(file) {
  const entry = { name: file.name, busy: true };
  files.push(entry);
  drawFiles();
  try {
    if (file.size > MOST_BYTES) throw Object.assign(new Error(), { status: 413 });
    const form = new FormData();
    form.append("file", file);
    entry.id = (await visit(`${base}files/`, { form })).id;
  } catch ({ status }) {
    entry.error = status === 413 ? words.too_large : status === 429 ? words.too_many : status >= 400 && status < 500 ? words.refused : words.not_uploaded;
    announce(`${entry.name}: ${entry.error}`);
  }
  entry.busy = false;
  drawFiles();
  bar();
  if (wanted && !files.some((each) => each.error)) write();
}

function drawFiles() {
  $("files").replaceChildren(...files.map((entry) => {
    const remove = build("button", { type: "button", className: "icon", textContent: "×", ariaLabel: words.remove.replace("%s", entry.name) });
    remove.onclick = () => { files = files.filter((each) => each !== entry); drawFiles(); text.focus(); };
    const note = entry.busy ? words.uploading : entry.error || "";
    return build("li", { className: entry.error ? "bad" : "" }, build("span", { textContent: note ? `${entry.name} · ${note}` : entry.name }), remove);
  }));
}

// The page around us

const obey = {
  page() { acknowledge(); if (state.token) tell({ t: "session" }); },
  open() { open = true; connect(); draw(true); acknowledge(); text.focus(); },
  close() { open = false; },
  async identify({ token }) {
    const user = await visit(`${base}identify/`, { body: { jwt: token } });
    change((now) => Object.assign(now, { who: newId(), asked: true }));
    keep(user);
    begin();
  },
  async logout() {
    const { token } = state;
    change((now) => Object.assign(now, empty(), { who: newId() }));
    text.value = $("email").value = "";
    files = [];
    drawFiles();
    begin();
    tell({ t: "ended" });
    if (token) await call(`${base}session/`, { method: "DELETE", token });
  },
};

// Somebody else from here on: what is shown is what they are told.
function begin() {
  leave();
  messages = new Map();
  $("details").hidden = true;
  draw();
  acknowledge();
  connect();
}

addEventListener("storage", ({ key }) => {
  if (key !== KEY) return;
  const { who, token } = state;
  state = { ...empty(), ...stored() };
  if (state.who !== who) begin();
  else if (state.token !== token) connect();
  $("details").hidden ||= state.asked;
  draw();
  acknowledge();
});

addEventListener("message", ({ source, origin, data }) => {
  if (parent === window || source !== parent || !data?.oneview || (parentOrigin && origin !== parentOrigin)) return;
  parentOrigin = origin;
  if (typeof data.oneview.page === "string") ({ page } = data.oneview);
  Promise.resolve(obey[data.oneview.t]?.(data.oneview)).catch((error) => { bar(); console.warn("OneView:", error.document?.detail || error.message); });
});

$("composer").addEventListener("submit", (event) => { event.preventDefault(); write(); });
text.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); write(); }
});
text.addEventListener("input", () => {
  if (state.token && online && text.value && Date.now() - typedAt > TYPING_EVERY) {
    typedAt = Date.now();
    door({ type: "typing" }).catch(() => {});
  }
});
text.addEventListener("paste", ({ clipboardData }) => [...clipboardData.files].forEach(upload));
$("file").addEventListener("change", ({ target }) => { [...target.files].forEach(upload); target.value = ""; });
$("close").addEventListener("click", () => tell({ t: "close" }));
addEventListener("keydown", ({ key, isComposing }) => { if (key === "Escape" && !isComposing) tell({ t: "close" }); });
$("details").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    await door({ type: "details", email: $("email").value.trim() });
    answered(words.thanks);
  } catch {
    bar(words.failed);
  }
});
$("no-details").addEventListener("click", () => answered(""));
for (const name of ["online", "offline"]) addEventListener(name, () => { tries = 0; connect(); flush(); bar(); draw(); });
document.addEventListener("visibilitychange", () => { connect(); acknowledge(); });

function answered(thanks) {
  change((now) => { now.asked = true; });
  $("details").hidden = true;
  bar(thanks);
  text.focus();
}

if (parent === window) $("close").hidden = true;
draw();
bar();
connect();
flush();
tell({ t: "ready" });
