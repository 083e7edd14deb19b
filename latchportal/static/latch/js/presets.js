/* Buttons marked data-fill="a field's id" put data-value into that field and tell the form that it changed. */
const mark = () => {
  for (const button of document.querySelectorAll("[data-fill]")) {
    const field = document.getElementById(button.dataset.fill);
    button.setAttribute("aria-pressed", String(field?.value.trim() === button.dataset.value));
  }
};

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-fill]");
  const field = button && document.getElementById(button.dataset.fill);
  if (!field) return;
  field.value = button.dataset.value;
  field.dispatchEvent(new Event("input", { bubbles: true }));
});
document.addEventListener("input", mark);
mark();
