// The page as it is served while a sweep runs: it is loaded again when there is news.
const live = document.querySelector(".live");
const controls = [...document.querySelectorAll("main input, main select")];
const kept = JSON.parse(sessionStorage.getItem("controls") ?? "[]");
if (kept.length === controls.length) controls.forEach((one, n) => {
  if (one.type === "checkbox") one.checked = kept[n]; else one.value = kept[n];
});
let touched = 0;
for (const kind of ["pointerdown", "keydown", "wheel", "touchmove"])
  addEventListener(kind, () => { touched = Date.now(); }, { passive: true });

function idle() {
  const chosen = document.getElementById("selected")?.textContent;
  return !document.hidden && !chosen && Date.now() - touched > 4000;
}

async function news() {
  try {
    const state = await (await fetch("state", { cache: "no-store" })).json();
    live.textContent = state.says;
    if (state.version !== live.dataset.version && idle()) {
      const values = controls.map((one) => one.type === "checkbox" ? one.checked : one.value);
      sessionStorage.setItem("controls", JSON.stringify(values));
      location.reload();
    }
  } catch {
    live.textContent = live.textContent.replace(/( \(no longer served\))?$/, " (no longer served)");
  }
  setTimeout(news, 2000);
}
setTimeout(news, 2000);
