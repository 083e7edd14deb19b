/* Ticks every [data-countdown] once a second against the server's clock, and says in words when it is over.
   Sends "latch:ended" (bubbling) from the element once, so that a page may ask the server what came of it. */
const announce = (text) => document.dispatchEvent(new CustomEvent("latch:say", { detail: text }));

const SOON = 300;
const offsets = new WeakMap();
const spoken = new WeakMap();

function offset(element) {
  if (!offsets.has(element)) {
    const skew = new Date(element.dataset.now).getTime() - Date.now();
    // A reader's clock that is right to five seconds is better than the time the page took to arrive.
    offsets.set(element, Number.isNaN(skew) || Math.abs(skew) < 5000 ? 0 : skew);
  }
  return offsets.get(element);
}

function leftText(seconds) {
  const pad = (value) => String(value).padStart(2, "0");
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60), seconds % 60];
  if (h >= 24) return `${Math.floor(h / 24)} d ${h % 24} h`;
  return h ? `${h}:${pad(m)}:${pad(s)}` : `${m}:${pad(s)}`;
}

function speak(element, step, text) {
  if (spoken.get(element) === step) return;
  const first = !spoken.has(element);
  spoken.set(element, step);
  if (!first) announce(text);
}

function tick(element) {
  const end = new Date(element.dataset.end).getTime();
  const left = Math.ceil((end - Date.now() - offset(element)) / 1000);
  const shown = element.querySelector("[data-left]");
  const bar = element.querySelector("progress");
  const name = element.dataset.name || "Access";
  if (bar) bar.value = Math.max(0, left);
  if (left > 0) {
    shown.textContent = `${leftText(left)} left`;
    element.dataset.phase = left <= SOON ? "soon" : "running";
    const step = left <= 60 ? "1" : left <= SOON ? "5" : "-";
    speak(element, step, step === "-" ? "" : `${name}: ${step === "1" ? "one minute" : "five minutes"} left`);
    return;
  }
  if (element.dataset.phase === "ended") return;
  element.dataset.phase = "ended";
  shown.textContent = element.dataset.after || "Time is up, closing";
  speak(element, "0", `${name}: ${shown.textContent}`);
  element.dispatchEvent(new CustomEvent("latch:ended", { bubbles: true }));
}

const tickAll = () => document.querySelectorAll("[data-countdown]").forEach(tick);
tickAll();
window.setInterval(tickAll, 1000);
document.addEventListener("htmx:afterSwap", tickAll);
document.addEventListener("visibilitychange", () => { if (!document.hidden) tickAll(); });
