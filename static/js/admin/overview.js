// The overview looks again when the live log says that something has changed, and every so often without.

const PAUSE = 1_000; // between two looks, however much happens
const REGULARLY = 30_000;
const COME_BACK = 5_000;

const content = document.getElementById("overview");
const state = document.getElementById("overview-state");
let timer = 0;

async function look() {
  const answer = await fetch(location.pathname, { headers: { "X-Fragment": "overview" } }).catch(() => null);
  if (!answer?.ok || answer.redirected) return;
  const focused = document.activeElement?.closest("#overview a")?.getAttribute("href");
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  content.replaceChildren(...fresh.body.childNodes);
  if (focused) content.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
}

function lookSoon() {
  timer ||= setTimeout(() => {
    timer = 0;
    look();
  }, PAUSE);
}

function connect() {
  const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws/inbox/`);
  socket.addEventListener("message", ({ data }) => {
    const frame = JSON.parse(data);
    if (frame.t === "hello") {
      socket.send(JSON.stringify({ t: "resume", after: frame.seq }));
      state.textContent = state.dataset.live;
      document.body.dataset.link = "on";
      lookSoon();
    } else if (frame.t === "events" || frame.t === "reset") lookSoon();
  });
  socket.addEventListener("close", () => {
    state.textContent = state.dataset.lost;
    document.body.dataset.link = "down";
    setTimeout(connect, COME_BACK);
  });
}

setInterval(look, REGULARLY);
connect();
