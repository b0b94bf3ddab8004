// The panel of a channel in the admin: its address is copied, and it follows a check until that has been answered.

const LOOKS = 40;
const PAUSE = 1500; // milliseconds between two looks

const panel = document.getElementById("channel-panel");
if (panel) {
  prepare(panel);
  follow(panel, LOOKS);
}

function prepare(panel) {
  for (const button of panel.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", () => copy(button));
  }
}

async function copy(button) {
  const field = document.getElementById(button.dataset.copy);
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
  } catch {
    document.execCommand("copy"); // without https there is no clipboard but this one
  }
  const label = button.textContent;
  button.textContent = button.dataset.copied;
  button.focus();
  setTimeout(() => { button.textContent = label; }, 2000);
}

// Only the facts are replaced: what is being typed below, and where the focus is, stays.
function follow(panel, left) {
  if (!("checking" in panel.dataset) || left === 0) return;
  setTimeout(async () => {
    const answer = await fetch(location.href, { headers: { accept: "text/html" } }).catch(() => null);
    if (answer?.ok && !answer.redirected) {
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.getElementById(panel.id);
      panel.querySelector("dl").replaceChildren(...fresh.querySelector("dl").childNodes);
      if (!("checking" in fresh.dataset)) delete panel.dataset.checking;
    }
    follow(panel, left - 1);
  }, PAUSE);
}
