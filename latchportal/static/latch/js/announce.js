/* One way to speak to assistive technology: the polite live region in base.html, by way of the event "latch:say".
   Also tells of htmx requests that failed. The scripts share no imports, so that each can be served under its own hash. */
document.addEventListener("latch:say", (event) => {
  const region = document.getElementById("live");
  if (!region || !event.detail) return;
  region.textContent = "";
  window.setTimeout(() => { region.textContent = event.detail; }, 30);
});

function showFailure(text) {
  const template = document.getElementById("request-failed");
  const place = document.getElementById("messages");
  if (!template || !place) return;
  const note = template.content.cloneNode(true);
  note.querySelector("[data-failure]").textContent = text;
  place.replaceChildren(note);
}

document.addEventListener("htmx:responseError", (event) => {
  const { xhr } = event.detail;
  const reference = xhr.getResponseHeader("X-Correlation-ID");
  const tail = reference ? ` Reference: ${reference}.` : "";
  showFailure(`The portal answered ${xhr.status}. Nothing on this page has been updated; reload it and try again.${tail}`);
});
document.addEventListener("htmx:sendError", () => {
  showFailure("The portal could not be reached. What you see may be old; check your connection and reload the page.");
});
