// Writing: replies and private notes, each with a draft of its own per conversation that survives reloads.

import { conf, isMac, memory, say } from "./conf.js";
import { $, $$, announce, debounce, onDo, stamp, toast } from "./dom.js";
import { drawWaiting, enqueue } from "./outbox.js";
import { now, span } from "./times.js";
import { tellSilent, tellTyping } from "./timeline.js";
import { asksAboutGaps, isStillLoading, noticeText, startWriting } from "./writing.js";

const SOON = 4 * 3_600_000;
const VERY_SOON = 3_600_000;
const MOST_BYTES = 25_000_000;
const MOST_FILES = 10;
const BY_ENTER_WITH_CTRL = new Set(["email"]);

let id = "";
let draft = {}; // {reply, note, mode, quote: {id, name, text}, thread}
let files = [];

const form = () => $("#composer");
const field = () => $("#text");
const mode = () => form().dataset.mode;
const chosen = () => $("#via").selectedOptions[0];
const canSend = (option) => option?.dataset.can === "text" && !isOver(option);
const isOver = (option) => Boolean(option.dataset.until) && Date.parse(option.dataset.until) <= now();
const sendsOnEnter = () => mode() === "note" || !BY_ENTER_WITH_CTRL.has(chosen()?.dataset.kind);

// Before another conversation takes the place of this one.
export function leaveComposer() {
  if (form()) save();
}

export function mountComposer() {
  id = $(".conversation").dataset.id;
  draft = memory.get(`draft.${id}`, {});
  files = [];
  if (draft.thread && [...$("#via").options].some((option) => option.value === draft.thread)) $("#via").value = draft.thread;
  setMode(draft.mode ?? "reply", { focus: false });
  showQuote();
  drawWaiting(id);
}

// The server's view of the channels: the agent's choice stays, else the server's.
export function refreshVia(select) {
  if ($("#via").isEqualNode(select)) return;
  const picked = draft.thread ?? $("#via").value;
  if ([...select.options].some((option) => option.value === picked)) select.value = picked;
  $("#via").replaceWith(select);
  showState();
}

// An answer goes where the customer last wrote, unless the agent picked a channel.
export function preferThread(thread) {
  if (!draft.thread && $("#via") && [...$("#via").options].some((option) => option.value === thread)) $("#via").value = thread;
  if ($("#via")) showState();
}

export function setMode(name, { focus = true } = {}) {
  draft.mode = name;
  form().dataset.mode = name;
  for (const button of $$(".modes button", form())) button.ariaPressed = button.dataset.mode === name;
  field().value = draft[name] ?? "";
  field().ariaLabel = say(name);
  field().placeholder = say(`write_${name}`);
  showState();
  noticeText(field());
  grow();
  if (focus) (form().hasAttribute("data-closed") && name === "reply" ? $(".closed button", form()) : field())?.focus();
}

function showState() {
  const option = chosen();
  const isNote = mode() === "note";
  const closed = !canSend(option);
  form().toggleAttribute("data-closed", closed);
  $("#closed").hidden = !closed || isNote;
  if (closed) showClosed(option);
  const first = $("#via").options[0];
  const sendBy = option && option !== first && !isNote ? say("send_by", { channel: option.dataset.channel }) : say("send");
  $("#send span").textContent = isNote ? say("add_note") : sendBy;
  $("#hint").textContent = sendsOnEnter() ? say("enter_sends") : say(isMac ? "cmd_enter_sends" : "ctrl_enter_sends");
  $(".via-picker", form()).hidden = !option;
  showWindow(option);
}

function showWindow(option) {
  const left = option?.dataset.until ? Date.parse(option.dataset.until) - now() : Infinity;
  const hint = $("#window");
  hint.hidden = left > SOON || left <= 0;
  if (hint.hidden) return;
  hint.textContent = say("window_closes", { time: span(left) });
  hint.classList.toggle("window-soon", left < VERY_SOON);
}

// What stands in the place of the text when it can't be sent: why, and what can be done instead.
function showClosed(option) {
  const [line, ways] = $("#closed").children;
  line.lastElementChild.textContent = option ? option.dataset.reason || say("window_closed") : say("no_channel");
  const others = [...$("#via").options].filter((other) => other !== option && canSend(other));
  ways.replaceChildren(
    ...others.map((other) => way(say("reply_by", { channel: other.dataset.channel }), () => pick(other.value))),
    way(say("write_a_note"), () => setMode("note")),
  );
}

function way(text, go) {
  const button = Object.assign(document.createElement("button"), { type: "button", className: "button", textContent: text });
  button.addEventListener("click", go);
  return button;
}

function pick(thread) {
  $("#via").value = thread;
  draft.thread = thread;
  showState();
  saveSoon();
  field().focus();
}

function grow() {
  if (CSS.supports("field-sizing", "content")) return;
  field().style.height = "auto";
  field().style.height = `${field().scrollHeight}px`;
}

function save() {
  const isEmpty = !draft.reply?.trim() && !draft.note?.trim() && !draft.quote && !draft.thread;
  memory.set(`draft.${id}`, isEmpty && draft.mode === "reply" ? null : draft);
}

const saveSoon = debounce(200, save);

function submit({ anyway = false } = {}) {
  const text = field().value.trim();
  const isNote = mode() === "note";
  if ((!text && !files.length) || (!isNote && !canSend(chosen()))) return;
  if (files.length && !navigator.onLine) {
    toast(say("files_offline"));
    return;
  }
  if (!anyway && asksAboutGaps(text)) return;
  const label = chosen()?.dataset.channel ?? "";
  const reply = { thread: chosen()?.value ?? "", reply_to: draft.quote?.id ?? "" };
  enqueue({ conversation: id, text, label, private: isNote, ...(isNote ? { thread: "", reply_to: "", mentions: (draft.called ?? []).join(" ") } : reply) }, files);
  draft[mode()] = "";
  if (isNote) delete draft.called;
  else delete draft.quote;
  files = [];
  field().value = "";
  noticeText(field());
  showQuote();
  showFiles();
  grow();
  save();
  tellSilent();
}

// Puts the text of a refused message back, if nothing else was written meanwhile; whether it did.
export function giveBack(item) {
  if (item.conversation !== id || !item.text || field().value.trim()) return false;
  draft[item.private ? "note" : "reply"] = item.text;
  setMode(item.private ? "note" : "reply", { focus: false });
  save();
  return true;
}

// Quotes and files

function showQuote() {
  const line = $("#replying");
  line.hidden = !draft.quote;
  if (!draft.quote) return;
  $("b", line).textContent = draft.quote.name;
  $("bdi", line).textContent = draft.quote.text;
}

function quote(message) {
  const text = $(".msg-text", message)?.textContent ?? $(".msg-head", message).textContent;
  draft.quote = { id: message.dataset.id, name: message.dataset.name, text: text.trim().slice(0, 160) };
  if (mode() === "note") setMode("reply");
  showQuote();
  save();
  field().focus();
}

function addFiles(added) {
  for (const file of added) {
    if (file.size > MOST_BYTES) toast(say("too_large", { name: file.name }));
    else if (files.length < MOST_FILES) files.push(file);
  }
  showFiles();
  field().focus();
}

function showFiles() {
  const holder = $("#uploads");
  holder.hidden = !files.length;
  holder.replaceChildren(
    ...files.map((file) => {
      const row = stamp("upload");
      const [name, size, remove] = row.children;
      name.textContent = file.name;
      size.textContent = `${(file.size / 1_000_000).toFixed(1)} MB`;
      remove.addEventListener("click", () => {
        files = files.filter((other) => other !== file);
        showFiles();
        field().focus();
      });
      return row;
    }),
  );
}

export function writeReply() {
  if (form()) setMode("reply");
}

export function writeNote() {
  if (form()) setMode("note");
}

export function startComposer() {
  startWriting();
  const main = $("#middle");
  main.addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  main.addEventListener("click", (event) => {
    const button = event.target.closest(".modes button");
    if (button) setMode(button.dataset.mode);
  });
  main.addEventListener("input", (event) => {
    if (event.target.id !== "text") return;
    draft[mode()] = field().value;
    grow();
    saveSoon();
    noticeText(field());
    if (mode() === "reply") tellTyping();
  });
  main.addEventListener("change", (event) => {
    if (event.target.id === "via") pick(event.target.value);
    if (event.target.id === "files") {
      addFiles(event.target.files);
      event.target.value = "";
    }
  });
  main.addEventListener("keydown", (event) => {
    if (event.target.id !== "text" || event.key !== "Enter" || event.isComposing || event.shiftKey || event.altKey) return;
    if (!event.ctrlKey && !event.metaKey && !sendsOnEnter()) return;
    event.preventDefault();
    if (!isStillLoading(field())) submit();
  });
  main.addEventListener("paste", (event) => {
    if (event.target.id !== "text" || !event.clipboardData.files.length) return;
    event.preventDefault();
    addFiles(event.clipboardData.files);
  });
  main.addEventListener("dragover", (event) => {
    if (!form() || !event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    form().dataset.over = "";
  });
  main.addEventListener("dragleave", (event) => event.relatedTarget?.closest("#middle") || form()?.removeAttribute("data-over"));
  main.addEventListener("drop", (event) => {
    if (!form() || !event.dataTransfer.files.length) return;
    event.preventDefault();
    form().removeAttribute("data-over");
    addFiles(event.dataTransfer.files);
  });
  document.addEventListener("minute", () => form() && showState());
  addEventListener("pagehide", leaveComposer);
  main.addEventListener("called", ({ detail }) => {
    draft.called = [...new Set([...(draft.called ?? []), detail])];
    save();
  });
  onDo("send-anyway", () => {
    submit({ anyway: true });
    field().focus();
  });
  onDo("attach", () => $("#files").click());
  onDo("quote", (button) => quote(button.closest(".msg")));
  onDo("unquote", () => {
    delete draft.quote;
    showQuote();
    save();
    field().focus();
  });
  onDo("resend", (button) => {
    const message = button.closest(".msg");
    const text = $(".msg-text", message).textContent;
    enqueue({ conversation: id, text, thread: message.dataset.thread, private: false, reply_to: "", label: message.dataset.label });
    announce(say("send"));
  });
}
