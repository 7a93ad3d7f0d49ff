"use strict";
(() => {
  const tables = [...document.querySelectorAll(".changes")];
  const groups = [...document.querySelectorAll(".card:has(.members)")];
  const members = groups.map((card) => [...card.querySelectorAll(".members tbody tr")]);
  const leading = members.map((rows) => document.querySelector(`.changes a[href="#${rows[0].id}"]`).closest("tr"));
  const alone = [...document.querySelectorAll(".changes tbody tr, .card:not(:has(.members))")].filter(
    (part) => !leading.includes(part),
  );
  const parts = [...members.flat(), ...alone];
  const shared = new Map(members.flatMap((rows, number) => {
    const text = [...groups[number].querySelectorAll(":scope > summary, .diff, .about")].map((part) => part.textContent).join(" ");
    return rows.map((row) => [row, text]);
  }));
  const kind = (part) => part.closest(".members")?.dataset.kind ?? "";
  const texts = parts.map((part) => `${kind(part)}${part.textContent} ${shared.get(part) ?? ""}`.toLowerCase());
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
    groups.forEach((card, number) => {
      card.hidden = leading[number].hidden = members[number].every((row) => row.hidden);
      if (words.length) card.querySelector(".members").open = true;
    });
    tables.forEach((table) => {
      table.closest("section").hidden = !table.querySelector("tbody tr:not([hidden])");
    });
    count.textContent = words.length ? `${shown} of ${rows} changes` : "";
  };
  box.addEventListener("input", show);
  show();
})();
