/* Filter and sort the table of claims; its state stands in the address. Without this script the
   table is plain and whole. */
"use strict";
document.documentElement.classList.add("js");
document.addEventListener("DOMContentLoaded", () => {
  const table = document.getElementById("claims");
  if (!table) return;
  const FIELDS = ["q", "source", "kind", "verdict", "machine"];
  const form = document.getElementById("filters");
  const count = document.getElementById("count");
  const more = document.getElementById("more");
  const body = table.tBodies[0];
  const heads = Array.from(table.tHead.rows[0].cells);
  const rows = Array.from(body.rows);
  // A page of a thousand rows is drawn at once; of more, this many at a time.
  const STEP = rows.length > 1000 ? 250 : 1000;
  let sort = "", down = false, shown = STEP, texts = null;

  const decided = (word) => word === "pass" || word === "fail";
  const keep = {
    source: (row, wanted) => row.dataset.s === wanted,
    kind: (row, wanted) => row.dataset.k === wanted,
    machine: (row, wanted) => row.dataset.m.split(" ").includes(wanted),
    verdict: (row, wanted) => {
      if (wanted === "open") return !decided(row.dataset.v);
      if (wanted === "stale") return "stale" in row.dataset;
      return row.dataset.v === wanted;
    },
  };

  function key(row, column) {
    const cell = row.cells[column];
    if ("x" in cell.dataset) return cell.dataset.x === "" ? null : Number(cell.dataset.x);
    return cell.textContent.trim().toLowerCase();
  }

  function compare(one, other) {
    if (one === null || other === null) return (one === null) - (other === null);
    if (one === other) return 0;
    return (one < other ? -1 : 1) * (down ? -1 : 1);
  }

  function ordered(found) {
    const column = heads.findIndex((head) => head.dataset.sort === sort);
    if (column < 0) return found;
    return found
      .map((row) => [key(row, column), row])
      .sort((a, b) => compare(a[0], b[0]))
      .map((pair) => pair[1]);
  }

  function matching() {
    let found = rows;
    for (const name of FIELDS.slice(1)) {
      const wanted = form.elements[name].value;
      if (wanted) found = found.filter((row) => keep[name](row, wanted));
    }
    const words = form.elements.q.value.toLowerCase().split(/\s+/).filter(Boolean);
    if (words.length) {
      texts = texts || new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
      found = found.filter((row) => words.every((word) => texts.get(row).includes(word)));
    }
    return found;
  }

  function show() {
    const found = ordered(matching());
    const visible = found.slice(0, shown);
    body.replaceChildren(...visible);
    body.classList.remove("long");
    const of = found.length === rows.length ? "" : ` of ${rows.length}`;
    const part = visible.length < found.length ? `, the first ${visible.length} shown` : "";
    count.textContent = `${found.length}${of} claims${part}`;
    more.hidden = visible.length === found.length;
    more.textContent = `Show ${Math.min(STEP, found.length - visible.length)} more`;
    for (const head of heads) {
      if (head.dataset.sort === sort) {
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
      } else {
        head.removeAttribute("aria-sort");
      }
    }
  }

  function remember() {
    const state = new URLSearchParams();
    for (const name of FIELDS) {
      if (form.elements[name].value) state.set(name, form.elements[name].value);
    }
    if (sort) state.set("sort", sort);
    if (sort && down) state.set("down", "1");
    history.replaceState(null, "", `#${state}`);
  }

  function recall() {
    const state = new URLSearchParams(location.hash.slice(1));
    for (const name of FIELDS) {
      const wanted = state.get(name) || "";
      const field = form.elements[name];
      const known = !field.options || Array.from(field.options).some((o) => o.value === wanted);
      field.value = known ? wanted : "";
    }
    sort = state.get("sort") || "";
    down = state.has("down");
    shown = STEP;
    show();
  }

  function changed() {
    shown = STEP;
    remember();
    show();
  }

  for (const head of heads) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    button.addEventListener("click", () => {
      const numbers = "number" in head.dataset;
      const again = sort === head.dataset.sort;
      down = again ? !down : numbers;
      sort = head.dataset.sort;
      changed();
    });
    head.replaceChildren(button);
  }
  form.addEventListener("input", changed);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(() => { sort = ""; down = false; changed(); }));
  more.addEventListener("click", () => { shown += STEP; show(); });
  window.addEventListener("hashchange", recall);
  window.addEventListener("beforeprint", () => { shown = rows.length; show(); });
  document.addEventListener("keydown", (event) => {
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      form.elements.q.focus();
    }
  });
  form.hidden = false;
  recall();
});
