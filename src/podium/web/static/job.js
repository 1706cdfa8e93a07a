// Scoring a file: it is dropped, its sending is shown, and the page of a job follows it.

function say(words) {
  const status = document.querySelector("[data-status]");
  if (status) status.textContent = words;
}

const form = document.querySelector("[data-drop]");
if (form) {
  const input = form.querySelector("[type=file]");
  for (const kind of ["dragenter", "dragover"]) {
    form.addEventListener(kind, (event) => {
      event.preventDefault();
      form.classList.add("over");
    });
  }
  form.addEventListener("dragleave", (event) => {
    if (!form.contains(event.relatedTarget)) form.classList.remove("over");
  });
  form.addEventListener("drop", (event) => {
    event.preventDefault();
    form.classList.remove("over");
    if (event.dataTransfer.files.length !== 1) return say("Drop one file");
    input.files = event.dataTransfer.files;
    form.requestSubmit();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
}

// Fetch can't tell how much was sent.
function send() {
  const sending = form.querySelector("[data-sending]");
  const bar = sending.querySelector("progress");
  const button = form.querySelector("[type=submit]");
  const request = new XMLHttpRequest();
  const settle = () => {
    sending.hidden = true;
    button.removeAttribute("aria-disabled");
  };
  if (button.getAttribute("aria-disabled")) return;
  button.setAttribute("aria-disabled", "true");
  sending.hidden = false;
  say("Sending the file");
  request.upload.addEventListener("progress", (event) => {
    if (event.lengthComputable) bar.value = event.loaded / event.total;
  });
  request.addEventListener("load", () => {
    settle();
    if (request.status < 400) location.assign(request.responseURL);
    else show(request.responseText, "main, podium-page");
  });
  request.addEventListener("error", () => {
    settle();
    say("The file couldn't be sent");
  });
  request.open("POST", form.action);
  request.send(new FormData(form));
}

// Puts a part of another page in the place of the same part of this one.
function show(html, part) {
  const other = new DOMParser().parseFromString(html, "text/html");
  const now = document.querySelector(part);
  const then = other.querySelector(part);
  if (now && then) now.replaceWith(document.adoptNode(then));
  document.title = other.title || document.title;
  return then;
}

// Often at first, then less and less: a quota may count these requests, too.
const NEXT_MS = 1000, MOST_MS = 5000, FAILED_MS = 10000;
async function follow(wait) {
  const job = document.querySelector("[data-moving]");
  if (!job) return;
  const state = job.dataset.job;
  const inside = job.contains(document.activeElement);
  let next = Math.min(wait * 1.2, MOST_MS);
  try {
    const answer = document.hidden ? {} : await fetch(location.href, { headers: { accept: "text/html" } });
    if (answer.status >= 400) next = FAILED_MS;
    if (answer.ok) {
      const html = await answer.text();
      // Whoever is about to press a button isn't interrupted by mere numbers.
      const then = inside ? update(html) : show(html, "[data-job]");
      if (then && then.dataset.job !== state) {
        next = NEXT_MS;
        if (inside) show(html, "[data-job]");
        say(document.querySelector("[data-job-state]").textContent);
      }
    }
  } catch { next = FAILED_MS; /* the server may be back in a moment */ }
  setTimeout(follow, next, next);
}

function update(html) {
  const other = new DOMParser().parseFromString(html, "text/html").querySelector("[data-job]");
  for (const part of [".bar", ".facts"]) {
    const now = document.querySelector(`[data-job] ${part}`);
    const then = other && other.querySelector(part);
    if (now && then) now.replaceWith(document.adoptNode(then));
  }
  return other;
}

if (document.querySelector("[data-moving]")) setTimeout(follow, NEXT_MS, NEXT_MS);
