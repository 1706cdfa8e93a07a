// What the form of a model does better with a script.

const form = document.querySelector("[data-form]");

function say(words) {
  const status = document.querySelector("[data-status]");
  if (status) status.textContent = words;
}

// A field that the browser refuses may be in a part that is folded, or not among those found.
form.addEventListener("invalid", (event) => {
  const folded = event.target.closest("details");
  if (folded) folded.open = true;
  if (event.target.closest("[hidden]")) show("");
}, true);

const find = form.querySelector("[data-find]");
const found = form.querySelector("[data-found]");
const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").replace(/[_\s]+/g, " ").toLowerCase();

function wordsOf(field) {
  const label = field.querySelector("label, legend"), about = field.querySelector(".help bdi");
  const name = field.querySelector("[name]").name;
  return plain([label.textContent, name, about ? about.textContent : ""].join(" "));
}

const fields = find ? [...form.querySelectorAll(".field")].map((one) => [one, wordsOf(one)]) : [];

function show(text) {
  const wanted = plain(text).split(" ").filter(Boolean);
  let n = 0;
  for (const [field, words] of fields) {
    field.hidden = !wanted.every((word) => words.includes(word));
    if (!field.hidden) n += 1;
  }
  for (const group of form.querySelectorAll(".group")) {
    group.hidden = !group.querySelector(".field:not([hidden])");
  }
  for (const folded of form.querySelectorAll("details.unused")) {
    folded.open = folded.open || (wanted.length > 0 && folded.querySelector(".field:not([hidden])") !== null);
  }
  found.textContent = wanted.length ? `${n} of ${fields.length}` : "";
  if (text !== find.value) find.value = text;
}

if (find) {
  find.closest("p").hidden = false;
  find.addEventListener("input", (event) => {
    event.stopPropagation(); // it is no value of the form
    show(find.value);
    say(found.textContent && `${found.textContent} fields`);
  });
  find.addEventListener("keydown", (event) => {
    if (event.key === "Enter") {
      event.preventDefault(); // which would predict
      const first = fields.find(([field]) => !field.hidden);
      if (first) first[0].querySelector("input:not([type=hidden]), select, textarea").focus();
    } else if (event.key === "Escape") show("");
  });
  // A link to a field, or to a group, leads to one that is seen.
  form.parentElement.addEventListener("click", (event) => {
    if (find.value && event.target.closest("a[href^='#']")) show("");
  });
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
    fill(form, examples[number]);
    form.dispatchEvent(new Event("input"));
    say(`Filled with example ${number + 1} of ${examples.length}`);
    next += 1;
    if (examples.length > 1) link.textContent = "Fill with another example";
  });
}

// A second click while a slow model works would ask it twice, and record it twice.
const button = form.querySelector("[type=submit]");
form.addEventListener("submit", (event) => {
  if (button.getAttribute("aria-disabled") === "true") event.preventDefault();
  button.setAttribute("aria-disabled", "true");
  say("Predicting");
});
window.addEventListener("pageshow", () => button.removeAttribute("aria-disabled"));

// A result is for the values that were sent: each field that differs says so, until it is back.
const result = document.querySelector("[data-stale]");
const whatIf = document.querySelector("[data-whatif]");

function valuesOf(shown) {
  return new URLSearchParams(new FormData(shown)).toString();
}

function valueOf(field) {
  const [input] = field.querySelectorAll("[name]:not([type=hidden], [type=radio]), [type=radio]:checked");
  if (!input) return { value: "", text: "" };
  if (input.type === "checkbox") return { value: input.checked, text: input.checked ? "yes" : "no" };
  const label = input.type === "radio" ? input.closest("label") : input.selectedOptions?.[0];
  return { value: input.value, text: input.value && (label ? label.textContent.trim() : input.value) };
}

if (result) {
  const sent = new Map([...form.querySelectorAll(".field")].map((field) => [field, valueOf(field)]));
  const markOne = (field, { value, text }) => {
    const isChanged = valueOf(field).value !== value;
    if (field.classList.toggle("is-changed", isChanged) === Boolean(field.querySelector(".was"))) return isChanged;
    field.querySelector(".was")?.remove();
    if (isChanged) {
      const note = document.createElement("p");
      note.className = "was";
      note.textContent = text ? `The prediction is for ${text}.` : "The prediction is for an empty field.";
      field.append(note);
    }
    return isChanged;
  };
  const mark = () => {
    let isStale = false;
    for (const [field, was] of sent) isStale = markOne(field, was) || isStale;
    if (isStale === !result.hidden) return;
    result.hidden = !isStale;
    result.parentElement.classList.toggle("is-stale", isStale);
    if (isStale) say(result.textContent);
  };
  form.addEventListener("input", mark);
  window.addEventListener("pageshow", mark);
}

// A slider beside a number moves it over the range of the training data.
for (const slider of form.querySelectorAll("[data-slides]")) {
  const input = document.getElementById(slider.dataset.slides);
  const digits = (slider.step.split(".")[1] || "").length;
  const follow = () => {
    slider.classList.toggle("is-unset", input.value === "");
    slider.value = input.value === "" ? slider.defaultValue : input.value;
    slider.setAttribute("aria-valuetext", input.value === "" ? "no value yet" : `${input.value} ${slider.dataset.unit}`.trim());
  };
  slider.hidden = false;
  slider.addEventListener("input", (event) => {
    event.stopPropagation();
    input.value = Number(slider.value).toFixed(digits);
    input.dispatchEvent(new Event("input", { bubbles: true }));
  });
  form.addEventListener("input", follow);
  window.addEventListener("pageshow", follow);
  follow();
}

// Date inputs have the browser's notation, and so has the help below them.
for (const help of form.querySelectorAll("[data-dates] .help")) {
  const day = new Intl.DateTimeFormat(undefined, { year: "numeric", month: "2-digit", day: "2-digit", timeZone: "UTC" });
  const inDays = (node) => {
    if (node.nodeType !== Node.TEXT_NODE) return;
    node.data = node.data.replace(/\b\d{4}-\d\d-\d\d\b/g, (text) => {
      const date = new Date(`${text}T00:00:00Z`);
      return Number.isNaN(date.getTime()) ? text : day.format(date);
    });
  };
  help.childNodes.forEach(inDays); // not what the signature says about the field
}

// What if: the curves follow the form, and sliders move its fields. One question at a time.
if (whatIf) {
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
