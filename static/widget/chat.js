// The chat in its frame. What is written is kept in the browser until the door has taken it; what comes is told by the
// socket, which lives only once there is a session.
const $ = (id) => document.getElementById(id);
const words = JSON.parse($("phrases").textContent);
const { id, base } = document.body.dataset;
const KEY = `oneview:${id}`, MOST_BYTES = 25_000_000, TYPING_EVERY = 3000;
const log = $("log"), text = $("text"), scroller = $("scroll");
const rtf = new Intl.DateTimeFormat(document.documentElement.lang, { hour: "2-digit", minute: "2-digit" });
const dates = new Intl.DateTimeFormat(document.documentElement.lang, { weekday: "long", day: "numeric", month: "long" });

const empty = () => ({ token: "", queue: [], seen: "", asked: false });
let state = read();
let messages = new Map();
let files = [];
let socket = null, tries = 0, retry = 0, online = false, gone = false, sending = false, open = parent === window;
let parentOrigin = "*", page = "", typingUntil = 0, typedAt = 0, acked = "";

function read() {
  try { return { ...empty(), ...JSON.parse(localStorage.getItem(KEY)) }; } catch { return empty(); }
}

function save() {
  try { localStorage.setItem(KEY, JSON.stringify(state)); } catch { /* no storage: the session ends with the page */ }
}

function tell(message) {
  if (parent !== window) parent.postMessage({ oneview: message }, parentOrigin);
}

// Requests

async function call(path, { method = "POST", body, form, token = state.token } = {}) {
  const headers = { ...(token && { Authorization: `Bearer ${token}` }), ...(body && { "Content-Type": "application/json" }) };
  const answer = await fetch(path, { method, headers, body: form || (body && JSON.stringify(body)) });
  const document = answer.headers.get("Content-Type")?.includes("json") ? await answer.json() : null;
  if (answer.status === 404 && path.startsWith(base)) gone = true;
  if (!answer.ok) throw Object.assign(new Error(answer.status), { status: answer.status, document });
  return document;
}

async function session() {
  if (state.token) return;
  keep(await call(`${base}session/`, { body: { platform: "web", locale: document.documentElement.lang, page } }));
}

function keep({ token }) {
  state.token = token;
  save();
  tell({ t: "session" });
}

function forget() {
  state.token = "";
  save();
}

const door = (body) => call(`/webhooks/webchat/${id}/`, { body });

// Sending: one after the other, in the order they were written

async function flush() {
  if (sending || !state.queue.length) return;
  sending = true;
  try {
    while (state.queue.some((each) => !each.failed && !each.taken)) {
      const next = state.queue.find((each) => !each.failed && !each.taken);
      await session();
      if (!socket) connect();
      try {
        await door({ type: "message", client_id: next.client_id, text: next.text, attachments: next.files.map((each) => each.id), page });
        next.taken = true;
      } catch (error) {
        if (error.status === 401) forget();
        else if (error.status === 429 || error.status >= 500 || !error.status) throw error;
        else next.failed = true;
      }
      save();
      draw();
    }
    if (!state.asked) $("details").hidden = false;
    bar();
  } catch (error) {
    bar(error.status === 429 ? words.too_many : "");
    clearTimeout(retry);
    retry = setTimeout(flush, error.status === 429 ? 30_000 : 3000 + Math.random() * 3000);
  } finally {
    sending = false;
    draw();
  }
}

function write() {
  const value = text.value.trim(), ready = files.filter((each) => each.id);
  if ((!value && !ready.length) || files.some((each) => each.busy)) return;
  state.queue.push({ client_id: crypto.randomUUID(), text: value, files: ready.map(({ id, name }) => ({ id, name })), at: new Date().toISOString() });
  text.value = "";
  files = [];
  save();
  drawFiles();
  draw(true);
  flush();
}

// Hearing

function connect() {
  if (!state.token || socket || gone) return;
  const ours = new WebSocket(`${location.origin.replace("http", "ws")}/ws/visitor/${id}/`, [`oneview.visitor.${state.token}`]);
  socket = ours;
  ours.onmessage = ({ data }) => hear(JSON.parse(data), ours);
  ours.onclose = ({ code }) => {
    if (socket !== ours) return;
    socket = null;
    online = false;
    if (code === 4401) forget();
    if (code === 4403) gone = true;
    if (state.token && !gone) setTimeout(connect, Math.min(30_000, 500 * 2 ** tries++) * (0.7 + Math.random() * 0.6));
    bar();
  };
}

function hear(frame, ours) {
  if (frame.t === "hello") {
    online = true;
    tries = 0;
    acked = "";
    ours.send(JSON.stringify({ t: "resume", after: [...messages.keys()].sort().pop() || null }));
    bar();
    flush();
  } else if (frame.t === "message") {
    take(frame.message);
  } else if (frame.t === "typing") {
    typingUntil = frame.on ? Date.now() + 6000 : 0;
    showTyping();
  }
}

function take(message) {
  const isNew = !messages.has(message.id);
  messages.set(message.id, message);
  state.queue = state.queue.filter((each) => each.client_id !== message.client_id);
  if (message.author.kind !== "user") typingUntil = 0;
  save();
  draw(isNew);
  showTyping();
  acknowledge();
}

const theirs = () => [...messages.values()].filter((each) => each.author.kind !== "user").map((each) => each.id).sort();

function acknowledge() {
  const ids = theirs(), last = ids[ids.length - 1] || "";
  const looking = open && document.visibilityState === "visible";
  if (looking && last > state.seen) {
    state.seen = last;
    save();
    if (socket && online) socket.send(JSON.stringify({ t: "read", up_to: last }));
    acked = last;
  } else if (last > acked && last > state.seen && socket && online) {
    socket.send(JSON.stringify({ t: "ack", up_to: last }));
    acked = last;
  }
  tell({ t: "unread", count: ids.filter((each) => each > state.seen).length });
}

// Drawing

function draw(follow = false) {
  const near = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 80;
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
    put(each.client_id || each.id, JSON.stringify([each, says]), () => bubble(each, says));
  }
  for (const each of state.queue) put(each.client_id, JSON.stringify(each) + online, () => pending(each));
  for (const node of [...log.children]) if (!nodes.includes(node)) node.remove();
  nodes.forEach((node, at) => { if (log.children[at] !== node) log.insertBefore(node, log.children[at] || null); });
  if (follow || near) scroller.scrollTop = scroller.scrollHeight;
}

function build(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

function bubble(message, says) {
  const mine = message.author.kind === "user", time = rtf.format(new Date(message.sent_at));
  const node = build("li", { className: `message${mine ? " mine" : ""}${message.deleted_at ? " gone" : ""}`, title: time });
  if (says) node.append(build("span", { className: "author", textContent: message.author.kind === "bot" ? `${says} · ${words.bot}` : says }));
  else if (mine) node.append(build("span", { className: "sr", textContent: words.you }));
  const box = build("div", { className: "bubble", dir: "auto" });
  box.append(...(message.deleted_at ? [words.deleted] : link(message.text)));
  for (const file of message.attachments) box.append(attachment(file));
  node.append(box);
  if (message.edited_at && !message.deleted_at) node.append(build("span", { className: "note", textContent: words.edited }));
  return node;
}

function pending(entry) {
  const node = build("li", { className: `message mine${entry.failed ? " failed" : ""}` });
  const box = build("div", { className: "bubble", dir: "auto" }, entry.text, ...entry.files.map((file) => build("div", { textContent: file.name })));
  const note = entry.failed ? build("button", { type: "button", className: "note", textContent: words.failed }) : build("span", { className: "note" });
  if (entry.failed) note.onclick = () => { delete entry.failed; flush(); draw(); };
  else note.textContent = entry.taken ? words.sent : navigator.onLine ? words.sending : words.queued;
  node.append(box, note);
  return node;
}

function attachment(file) {
  const url = new URL(file.url, location.origin).href;
  if (!/^image\/(png|jpeg|gif|webp)$/.test(file.type)) return build("a", { href: url, textContent: file.name || file.type, target: "_blank", rel: "noopener" });
  return build("a", { href: url, target: "_blank", rel: "noopener" }, build("img", { src: url, alt: file.name, loading: "lazy" }));
}

function link(value) {
  return value.split(/(https?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)])/).map((part, at) =>
    at % 2 ? build("a", { href: part, textContent: part, target: "_blank", rel: "noopener noreferrer nofollow" }) : part);
}

function bar(message = "") {
  const words_ = gone ? words.gone : message || (!navigator.onLine ? words.offline : state.token && !online ? words.connecting : "");
  $("bar").textContent = words_;
  $("bar").hidden = !words_;
  $("composer").hidden = gone;
}

function showTyping() {
  const left = typingUntil - Date.now(), near = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 80;
  $("typing").hidden = left <= 0;
  if (left > 0) setTimeout(showTyping, left);
  if (near) scroller.scrollTop = scroller.scrollHeight;
}

// Files

async function upload(file) {
  const entry = { name: file.name, busy: true };
  files.push(entry);
  drawFiles();
  try {
    if (file.size > MOST_BYTES) throw Object.assign(new Error(), { status: 413 });
    await session();
    const form = new FormData();
    form.append("file", file);
    entry.id = (await call(`${base}files/`, { form })).id;
  } catch (error) {
    entry.error = error.status === 413 ? words.too_large : words.refused;
  }
  entry.busy = false;
  drawFiles();
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
  open() { open = true; connect(); acknowledge(); text.focus(); },
  close() { open = false; },
  page({ url }) { page = url; },
  async identify({ token }) {
    await session();
    const user = await call(`${base}identify/`, { body: { jwt: token } });
    restart();
    keep(user);
    connect();
  },
  async logout() {
    const { token } = state;
    restart();
    state = empty();
    messages = new Map();
    save();
    draw();
    tell({ t: "ended" });
    tell({ t: "unread", count: 0 });
    if (token) await call(`${base}session/`, { method: "DELETE", token });
  },
};

function restart() {
  const before = socket;
  socket = null;
  online = false;
  before?.close();
}

addEventListener("message", ({ source, origin, data }) => {
  if (source !== parent || source === window || !data?.oneview || (parentOrigin !== "*" && origin !== parentOrigin)) return;
  parentOrigin = origin;
  Promise.resolve(obey[data.oneview.t]?.(data.oneview)).catch((error) => console.warn("OneView:", error.document?.detail || error.message));
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
addEventListener("keydown", (event) => { if (event.key === "Escape") tell({ t: "close" }); });
$("details").addEventListener("submit", async (event) => {
  event.preventDefault();
  await door({ type: "details", email: $("email").value.trim() }).catch(() => {});
  answered(words.thanks);
});
$("no-details").addEventListener("click", () => answered(""));
addEventListener("online", () => { bar(); connect(); flush(); });
addEventListener("offline", () => { bar(); draw(); });
document.addEventListener("visibilitychange", acknowledge);

function answered(thanks) {
  state.asked = true;
  save();
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
