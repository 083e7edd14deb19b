/* Regions marked data-live ask the server again by themselves (htmx polls). This keeps them from getting in the way:
   nothing is asked while nobody looks, and nothing is replaced under somebody who types, ticks or has a panel open there;
   then [data-live-news] in the region says that it has changed. */
const typingIn = (region) => region.contains(document.activeElement)
  && document.activeElement.matches("input, textarea, select");
const touched = (region) => [...region.querySelectorAll("textarea, input[type=text]")]
  .some((field) => field.value !== field.defaultValue);
const ticked = (region) => region.querySelector("[data-tick]:checked") !== null;
const busy = (region) => typingIn(region) || touched(region) || ticked(region) || region.querySelector("details.confirm[open]") !== null;

document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.target.matches("[data-live]") && document.hidden) event.preventDefault();
});

document.addEventListener("htmx:beforeSwap", (event) => {
  const region = event.detail.target;
  if (!region.matches?.("[data-live]") || !event.detail.shouldSwap || !busy(region)) return;
  event.detail.shouldSwap = false;
  const news = region.querySelector("[data-live-news]");
  if (news) news.hidden = false;
});

document.addEventListener("htmx:afterSwap", (event) => {
  const said = event.detail.elt?.querySelector?.("[data-live-says]")?.dataset.liveSays;
  if (said) document.dispatchEvent(new CustomEvent("latch:say", { detail: said }));
});
