/* Turns <time data-when> into the reader's own zone; the server's text (with its zone) stays when scripts do not run. */
const STYLES = {
  datetime: { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" },
  date: { day: "numeric", month: "short", year: "numeric" },
  weekday: { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" },
  time: { hour: "2-digit", minute: "2-digit" },
  seconds: { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" },
};
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
const formatters = new Map();

function localText(date, style, now = new Date()) {
  const longAgo = date.getFullYear() !== now.getFullYear();
  const key = `${style}${longAgo}`;
  if (!formatters.has(key)) {
    const options = { ...(STYLES[style] || STYLES.datetime), hourCycle: "h23" };
    if (longAgo && style !== "time") options.year = "numeric";
    formatters.set(key, new Intl.DateTimeFormat(document.documentElement.lang || "en-GB", options));
  }
  return formatters.get(key).format(date);
}

function localise(root) {
  for (const element of root.querySelectorAll("time[data-when]:not([data-local])")) {
    const date = new Date(element.dateTime);
    if (Number.isNaN(date.getTime())) continue;
    element.textContent = localText(date, element.dataset.when);
    element.dataset.local = "";
  }
  for (const element of root.querySelectorAll("[data-zone-name]")) {
    element.textContent = zone.replaceAll("_", " ");
    if (element.nextElementSibling) element.nextElementSibling.hidden = /^(Etc\/)?UTC$/.test(zone);
  }
}

localise(document);
for (const input of document.querySelectorAll("input[data-zone]")) input.value = zone;
document.addEventListener("htmx:load", (event) => localise(event.target));
