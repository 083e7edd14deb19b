/* Sets the colour theme before the first paint (loaded without defer) and drives the theme button.
   Choices: "system" (default), "light", "dark"; kept in localStorage, which may be missing or refused. */
(() => {
  "use strict";
  const root = document.documentElement;
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const order = ["system", "light", "dark"];
  let choice = "system";
  try {
    const kept = window.localStorage.getItem("latch-theme");
    if (order.includes(kept)) choice = kept;
  } catch { /* no storage: follow the system */ }

  const apply = () => {
    root.dataset.bsTheme = choice === "system" ? (dark.matches ? "dark" : "light") : choice;
    root.dataset.themeChoice = choice;
  };

  const label = () => {
    for (const button of document.querySelectorAll("[data-theme-toggle]")) {
      const next = order[(order.indexOf(choice) + 1) % order.length];
      button.setAttribute("aria-label", `Colour theme: ${choice}. Change to ${next}.`);
      button.title = `Colour theme: ${choice}`;
      for (const icon of button.querySelectorAll("[data-theme-icon]")) {
        icon.hidden = icon.dataset.themeIcon !== choice;
      }
    }
  };

  root.classList.add("js");
  apply();
  dark.addEventListener("change", apply);
  document.addEventListener("DOMContentLoaded", label);
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-theme-toggle]");
    if (!button) return;
    choice = order[(order.indexOf(choice) + 1) % order.length];
    try { window.localStorage.setItem("latch-theme", choice); } catch { /* stays for this page */ }
    apply();
    label();
  });
})();
