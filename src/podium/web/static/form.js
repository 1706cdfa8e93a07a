// What a form of many fields does better with a script.

const form = document.querySelector("[data-form]");

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
    const status = document.querySelector("[data-status]");
    if (status) status.textContent = found.textContent && `${found.textContent} fields`;
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
