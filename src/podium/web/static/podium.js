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
