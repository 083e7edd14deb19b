/* Copies for [data-copy] (a text) and [data-copy-from] (an element's id), and says that it did. */
const announce = (text) => document.dispatchEvent(new CustomEvent("latch:say", { detail: text }));

function textOf(button) {
  const source = button.dataset.copyFrom && document.getElementById(button.dataset.copyFrom);
  return source ? source.textContent.trim() : button.dataset.copy || "";
}

function select(element) {
  const range = document.createRange();
  range.selectNodeContents(element);
  const selection = window.getSelection();
  selection.removeAllRanges();
  selection.addRange(range);
}

function say(button, text) {
  const label = button.querySelector("[data-copy-label]") || button;
  const before = button.dataset.copyBefore || label.textContent;
  button.dataset.copyBefore = before;
  label.textContent = text;
  announce(text);
  window.setTimeout(() => { label.textContent = before; }, 2000);
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy], [data-copy-from]");
  if (!button) return;
  try {
    await navigator.clipboard.writeText(textOf(button));
    say(button, "Copied");
  } catch {
    const source = document.getElementById(button.dataset.copyFrom || "");
    if (source) select(source);
    say(button, source ? "Selected: press Ctrl C" : "Copying was refused");
  }
});
