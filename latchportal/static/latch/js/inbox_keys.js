/* Keys for lists marked [data-inbox]: j and k move between [data-inbox-row]; a and d open and focus what is marked
   data-key="a" or "d" in the row; x ticks the row's [data-key-tick]. No key decides anything by itself: Enter on the focused button does.
   [data-inbox-keys-toggle] (a checkbox) turns the keys off; the choice is kept. */
const KEPT = "latch-inbox-keys";
let lastRow = null;

function kept() {
  try { return window.localStorage.getItem(KEPT) !== "off"; } catch { return true; }
}
let enabled = kept();

const rows = () => [...document.querySelectorAll("[data-inbox] [data-inbox-row]")];
const typing = (element) => element.closest("input:not([type=checkbox]), textarea, select, [contenteditable]") !== null;

function current() {
  return document.activeElement?.closest("[data-inbox-row]") || (lastRow && document.getElementById(lastRow));
}

function go(row) {
  if (!row) return;
  row.tabIndex = -1;
  row.focus();
  row.scrollIntoView({ block: "nearest" });
  lastRow = row.id;
}

function move(step) {
  const all = rows();
  const at = all.indexOf(current());
  go(at < 0 ? all[0] : all[Math.min(all.length - 1, Math.max(0, at + step))]);
}

function openControl(key) {
  const control = current()?.querySelector(`[data-key="${key}"]`);
  if (!control) return;
  const details = control.closest("details") || (control.matches("details") ? control : null);
  if (details) details.open = true;
  const field = details?.querySelector("[data-key-focus]") || details?.querySelector("textarea, input:not([type=hidden])") || details?.querySelector("button") || control;
  field.focus();
}

document.addEventListener("keydown", (event) => {
  if (!enabled || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || !rows().length) return;
  if (event.key === "Escape" && typing(event.target) && current()) { go(current()); return; }
  if (typing(event.target)) return;
  const actions = { j: () => move(1), k: () => move(-1), a: () => openControl("a"), d: () => openControl("d"), x: () => current()?.querySelector("[data-key-tick]")?.click() };
  if (event.key === "x" && !current()?.querySelector("[data-key-tick]")) return;
  if (!(event.key in actions)) return;
  event.preventDefault();
  actions[event.key]();
});

document.addEventListener("change", (event) => {
  if (!event.target.matches("[data-inbox-keys-toggle]")) return;
  enabled = event.target.checked;
  try { window.localStorage.setItem(KEPT, enabled ? "on" : "off"); } catch { /* stays for this page */ }
});

const showToggle = () => {
  for (const box of document.querySelectorAll("[data-inbox-keys-toggle]")) box.checked = enabled;
};
showToggle();
document.addEventListener("htmx:load", showToggle);
document.addEventListener("htmx:afterSwap", () => {
  if (lastRow && document.activeElement === document.body) document.getElementById(lastRow)?.focus();
});
