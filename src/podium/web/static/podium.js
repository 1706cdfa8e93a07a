// What the pages do better with a script; each of them works without.

const root = document.documentElement;

function applyTheme(theme) {
  if (theme) root.dataset.theme = theme;
  else delete root.dataset.theme;
}

function remembered() {
  try { return localStorage.getItem("podium-theme"); } catch { return null; }
}

applyTheme(remembered());
const toggle = document.querySelector("[data-theme-toggle]");
if (toggle) {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const tell = () => {
    toggle.textContent = isDark() ? "Light" : "Dark";
    toggle.setAttribute("aria-label", `${toggle.textContent} theme`);
  };
  toggle.hidden = false;
  tell();
  system.addEventListener("change", tell);
  toggle.addEventListener("click", () => {
    const theme = isDark() ? "light" : "dark";
    applyTheme(theme);
    try { localStorage.setItem("podium-theme", theme); } catch { /* private windows may refuse */ }
    tell();
  });
}

// What changes without the page: read out, and seen by nobody.
function say(words) {
  const status = document.querySelector("[data-status]");
  if (status) status.textContent = words;
}

// After a form was sent, the reader goes where the news is.
const news = document.querySelector("[data-focus]");
if (news) {
  news.focus({ preventScroll: true });
  news.scrollIntoView({ block: "nearest" });
}

function fill(form, values) {
  for (const [name, value] of Object.entries(values)) {
    for (const widget of form.querySelectorAll(`[name="${CSS.escape(name)}"]`)) {
      if (widget.type === "radio") widget.checked = widget.value === value;
      else if (widget.type === "checkbox") widget.checked = value === "true";
      else if (widget.type === "datetime-local") widget.value = value.replace(/Z$/, "");
      else if (widget.type !== "hidden") widget.value = value;
    }
  }
}

const link = document.querySelector("[data-fill]");
if (link) {
  const examples = JSON.parse(link.dataset.fill);
  let next = Number(new URL(link.href).searchParams.get("example")) - 1;
  link.addEventListener("click", (event) => {
    event.preventDefault();
    const number = next % examples.length;
    fill(link.closest("form"), examples[number]);
    link.closest("form").dispatchEvent(new Event("input"));
    say(`Filled with example ${number + 1} of ${examples.length}`);
    next += 1;
    if (examples.length > 1) link.textContent = "Fill with another example";
  });
}

// A second click while a slow model works would ask it twice, and record it twice.
const form = document.querySelector("[data-form]");
if (form) {
  const button = form.querySelector("[type=submit]");
  form.addEventListener("submit", (event) => {
    if (button.getAttribute("aria-disabled") === "true") event.preventDefault();
    button.setAttribute("aria-disabled", "true");
    say("Predicting");
  });
  window.addEventListener("pageshow", () => button.removeAttribute("aria-disabled"));
}

for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) break; // browsers offer it to secure addresses only
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    button.textContent = "Copied";
    say("Copied");
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
}

// A result is for the values that were sent: once a field changes it says so, until they are back.
const result = document.querySelector("[data-stale]");
const whatIf = document.querySelector("[data-whatif]");

function valuesOf(shown) {
  return new URLSearchParams(new FormData(shown)).toString();
}

if (result && form) {
  const sent = valuesOf(form);
  const mark = () => {
    const isStale = valuesOf(form) !== sent;
    if (isStale === !result.hidden) return;
    result.hidden = !isStale;
    result.parentElement.classList.toggle("is-stale", isStale);
    if (isStale) say(result.textContent);
  };
  form.addEventListener("input", mark);
  window.addEventListener("pageshow", mark);
}

// What if: the curves follow the form, and sliders move its fields. One question at a time.
if (whatIf && form) {
  const now = whatIf.querySelector('[data-part="now"]');
  let isAsking = false, isWaiting = false, timer = 0;

  const show = (html) => {
    const parts = new DOMParser().parseFromString(html, "text/html").querySelectorAll("[data-part]");
    for (const part of parts) {
      const here = whatIf.querySelector(`[data-part="${part.dataset.part}"]`);
      if (here) here.replaceChildren(...part.childNodes);
    }
  };

  const ask = async () => {
    if (isAsking) { isWaiting = true; return; }
    isAsking = true;
    const headers = { accept: "application/json", "content-type": "application/x-www-form-urlencoded" };
    try {
      const reply = await fetch(whatIf.dataset.whatif, { method: "POST", headers, body: valuesOf(form) });
      const told = await reply.json();
      if (reply.ok) show(told.html);
      else now.textContent = [told.detail, told.hint].filter(Boolean).join(": ");
    } catch {
      now.textContent = "The server didn't answer. Change a value to try again, or reload the page.";
    }
    isAsking = false;
    if (isWaiting) { isWaiting = false; ask(); }
  };

  const later = () => { clearTimeout(timer); timer = setTimeout(ask, 120); };
  form.addEventListener("input", later);
  for (const button of whatIf.querySelectorAll("[data-without-script]")) button.hidden = true;
  for (const slider of whatIf.querySelectorAll("[data-moves]")) {
    const field = document.getElementById(slider.dataset.moves);
    slider.hidden = false;
    slider.addEventListener("input", () => {
      const step = (slider.max - slider.min) / 400;
      const digits = slider.step === "any" ? Math.max(0, Math.ceil(-Math.log10(step))) : 0;
      field.value = Number(slider.value).toFixed(Math.min(digits, 20));
      field.dispatchEvent(new Event("input", { bubbles: true }));
    });
    field.addEventListener("input", (event) => {
      if (event.isTrusted && field.value !== "") slider.value = field.value;
    });
  }
}
