"use strict";
(() => {
  const tables = [...document.querySelectorAll(".changes")];
  const parts = [...document.querySelectorAll(".changes tbody tr, .card")];
  const texts = parts.map((part) => part.textContent.toLowerCase());
  const rows = parts.filter((part) => part.matches("tr")).length;
  const label = document.createElement("label");
  const box = document.createElement("input");
  const count = document.createElement("output");
  label.className = "filter";
  box.type = "search";
  box.placeholder = "Filter changes: names, fields, actions";
  box.setAttribute("aria-label", "Filter changes");
  label.append(box, count);
  tables[0].closest("section").before(label);
  const show = () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    parts.forEach((part, number) => {
      part.hidden = !words.every((word) => texts[number].includes(word));
      if (part.matches("tr") && !part.hidden) shown += 1;
    });
    tables.forEach((table) => {
      table.closest("section").hidden = !table.querySelector("tbody tr:not([hidden])");
    });
    count.textContent = words.length ? `${shown} of ${rows} changes` : "";
  };
  box.addEventListener("input", show);
  show();
})();
