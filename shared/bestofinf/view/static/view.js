"use strict";
// The page works without this file: it adds sorting, values under the pointer and live figures.

for (const table of document.querySelectorAll("table[data-sorts]")) {
  const heads = [...table.tHead.rows[0].cells], body = table.tBodies[0];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.className = "sort";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      heads.forEach(other => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const text = row => row.cells[column].textContent.trim();
      const amount = row => parseFloat(text(row).replace(/[,<>]/g, ""));
      const rows = [...body.rows].sort((a, b) => {
        const one = amount(a), other = amount(b);
        if (head.classList.contains("n")) return (isNaN(one) ? -1 : one) - (isNaN(other) ? -1 : other);
        return text(a).localeCompare(text(b), undefined, {numeric: true});
      });
      body.append(...(up ? rows : rows.reverse()));
    });
  });
}

// A report holds its questions: they are searched here, and a link to one opens it.
for (const list of document.querySelectorAll("ol[data-filter]")) {
  const form = document.createElement("form");
  form.className = "filters";
  form.innerHTML = '<label>Search <input type="search" maxlength="500"></label><label>Show <select>' +
    ["all", "contested", "failed", "unlabelled", "labelled", "right", "wrong"].map(kind => `<option>${kind}</option>`).join("") +
    '</select></label><p role="status"></p>';
  list.before(form);
  const [search, kind, said] = form.querySelectorAll("input, select, p");
  const items = [...list.children], texts = new Map();
  const text = item => texts.get(item) || texts.set(item, item.textContent.toLowerCase()).get(item);
  const filter = () => {
    const words = search.value.toLowerCase();
    for (const item of items) {
      const kept = kind.value === "all" || item.dataset.is.split(" ").includes(kind.value);
      item.hidden = !kept || (words && !text(item).includes(words));
    }
    said.textContent = items.filter(item => !item.hidden).length + " of " + items.length;
  };
  form.addEventListener("submit", event => event.preventDefault());
  form.addEventListener("input", filter);
  const reveal = () => {
    const target = location.hash && document.getElementById(location.hash.slice(1));
    const folded = target && target.closest("details.opened");
    if (!folded) return;
    Object.assign(search, {value: ""});
    Object.assign(kind, {value: "all"});
    filter();
    folded.open = true;
    folded.closest("li").scrollIntoView();
  };
  addEventListener("hashchange", reveal);
  filter();
  reveal();
}

const tip = document.createElement("div");
tip.className = "tip";
tip.hidden = true;
tip.setAttribute("aria-hidden", "true");
document.body.append(tip);
document.addEventListener("pointermove", event => {
  const mark = event.target.closest ? event.target.closest(".figure .mark") : null;
  const title = mark && mark.querySelector("title");
  tip.hidden = !title;
  if (!title) return;
  tip.textContent = title.textContent;
  const left = Math.min(event.pageX + 12, document.documentElement.clientWidth - tip.offsetWidth - 8);
  tip.style.left = left + "px";
  tip.style.top = event.pageY + 16 + "px";
});

// The overview follows the application: it is read anew while the page is looked at.
if (document.body.dataset.mark !== undefined) {
  setInterval(async () => {
    if (document.hidden || document.querySelector("main details[open]")) return;
    try {
      const answer = await fetch(location.href, {headers: {accept: "text/html"}});
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (page.body.dataset.mark === document.body.dataset.mark) return;
      document.body.dataset.mark = page.body.dataset.mark;
      document.querySelector("main").replaceChildren(...page.querySelector("main").childNodes);
    } catch { /* the program was stopped; what is shown stays */ }
  }, 5000);
}

// Labelling: a form's answer is the next page; only its content is exchanged, so that keys stay
// quick. Where the program does not answer, the question stays until it does.
const labels = document.body.hasAttribute("data-keys");
let busy = false;

async function send(form, button) {
  if (busy) return;
  busy = true;
  const fields = new URLSearchParams(new FormData(form));
  if (button && button.name) fields.set(button.name, button.value);
  const said = document.getElementById("said");
  try {
    const answer = await fetch(form.action, {method: "POST", body: fields, headers: {"x-bestofinf-part": "1"}});
    if (!answer.ok) throw new Error("status " + answer.status);
    show(await answer.text());
  } catch {
    said.classList.add("bad");
    said.textContent = "Not saved: the program does not answer. Start it again, open its link in another tab, and press the key once more.";
  } finally {
    busy = false;
  }
}

function show(text) {
  const page = new DOMParser().parseFromString(text, "text/html");
  const main = document.getElementById("main");
  main.replaceChildren(...page.getElementById("main").childNodes);
  history.replaceState(null, "", "?" + document.getElementById("said").dataset.here);
  const head = document.getElementById("asked");
  if (head) head.focus({preventScroll: true});
  window.scrollTo(0, 0);
}

if (labels) {
  document.addEventListener("submit", event => {
    if (!event.target.matches("form[data-act]")) return;
    event.preventDefault();
    send(event.target, event.submitter);
  });
  if (document.body.dataset.keys === "on") document.addEventListener("keydown", event => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    if (event.target.matches("input, select, textarea")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    if (event.key === "o") {
      const replies = [...document.querySelectorAll(".choose details, #context")];
      const open = replies.some(reply => !reply.open);
      replies.forEach(reply => { reply.open = open; });
      return;
    }
    if (event.key === "?") {
      const keys = document.querySelector(".progress details");
      keys.open = !keys.open;
      return;
    }
    const field = document.querySelector(`[data-focus="${CSS.escape(event.key)}"]`);
    const button = document.querySelector(`[data-key~="${CSS.escape(event.key)}"]`);
    if (!field && !button) return;
    event.preventDefault();
    if (field) field.focus(); else if (!event.repeat) button.click();
  });
}
