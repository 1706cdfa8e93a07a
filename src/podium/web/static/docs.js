// The form that tries a request: the answer comes to where the reader is.

const form = document.querySelector("[data-try]");
const place = document.querySelector("[data-answer]");
const status = document.querySelector("[data-status]");
let isSending = false;

async function send() {
  const began = performance.now();
  const headers = { accept: "application/json", "content-type": "application/x-www-form-urlencoded" };
  const body = new URLSearchParams(new FormData(form)).toString();
  const reply = await fetch(form.action, { method: "POST", headers, body });
  const told = await reply.json();
  const trip = performance.now() - began;
  if (!reply.ok) throw new Error(told.detail);
  const parsed = new DOMParser().parseFromString(told.html, "text/html");
  place.replaceChildren(...parsed.body.childNodes);
  place.querySelector("[data-trip]").textContent = `, ${trip.toFixed(0)} ms there and back`;
  place.firstElementChild.scrollIntoView({ block: "nearest" });
  if (status) status.textContent = place.querySelector("strong").textContent;
}

if (form) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (isSending) return;
    isSending = true;
    try {
      await send();
    } catch {
      form.submit(); // the page that comes says what is wrong
    }
    isSending = false;
  });
}
