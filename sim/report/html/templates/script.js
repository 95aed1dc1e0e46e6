// Moves through the moments of each case: by buttons, by keys, by the slider.
"use strict";
(() => {
  const sources = JSON.parse(document.getElementById("sources").textContent);
  const element = (name, text, kind) => {
    const made = document.createElement(name);
    made.textContent = text;
    if (kind) made.className = kind;
    return made;
  };

  function showCode(figure, { where, waits }) {
    const source = sources[where];
    figure.hidden = !source;
    if (!source) return;
    const place = `${source.file}, line ${source.at}`;
    figure.querySelector("figcaption").textContent =
      waits === undefined ? place : `${place}, where the handler stands meanwhile`;
    const lines = source.lines.map((line, index) => {
      const number = source.first + index;
      const text = `${String(number).padStart(4)}  ${line}\n`;
      return number === source.at ? element("mark", text) : document.createTextNode(text);
    });
    figure.querySelector("pre").replaceChildren(...lines);
  }

  // The name of a long state stands where it can be seen.
  function nameStates(picture) {
    for (const text of picture.querySelectorAll(".state")) {
      const first = Number((text.dataset.x ??= text.getAttribute("x")));
      const room = first + Number(text.dataset.room) - text.getComputedTextLength();
      text.setAttribute("x", Math.max(first, Math.min(picture.scrollLeft + 4, room)));
    }
  }

  function showRun(run, wanted, columns) {
    const rows = run.querySelectorAll("tbody tr");
    const at = Math.min(wanted, rows.length - 1);
    if (at < 0) return;
    run.querySelector("tr.current")?.classList.remove("current");
    const row = rows[at];
    row.classList.add("current");
    const [number, ms, task, what, , ...states] = [...row.cells].map((cell) => cell.textContent);
    const named = states.map((state, index) => `${columns[index]} ${state}`).join(", ");
    const over = wanted > at ? " (the run has ended)" : "";
    run.querySelector(".now").replaceChildren(
      element("b", `${number}. ${task} ${what}${over}`),
      element("div", `at ${ms} ms`),
      element("div", named, "states"),
    );
    showCode(run.querySelector(".code"), row.dataset);
    const cursor = run.querySelector(".cursor");
    const column = Number(cursor.getAttribute("width"));
    cursor.setAttribute("x", column * at);
    const picture = run.querySelector(".picture");
    const names = picture.querySelector(".names").clientWidth;
    picture.scrollLeft = Math.max(0, column * at - (picture.clientWidth - names) / 2);
    nameStates(picture);
  }

  for (const section of document.querySelectorAll(".case")) {
    const length = Number(section.dataset.length);
    const slider = section.querySelector("input[type=range]");
    const runs = [...section.querySelectorAll(".run")];
    const columns = [...section.querySelectorAll(".moments thead tr")[0].cells]
      .slice(5).map((cell) => cell.textContent);
    let at = 0;
    const go = (wanted) => {
      at = Math.max(0, Math.min(length - 1, wanted));
      slider.value = at;
      section.dataset.at = at;
      section.querySelector(".count").textContent = `${at + 1} of ${length}`;
      for (const run of runs) showRun(run, at, columns);
    };
    const ways = { first: () => 0, back: () => at - 1, on: () => at + 1, last: () => length - 1 };
    for (const button of section.querySelectorAll("button")) {
      const way = ways[button.dataset.go] ?? (() => Number(button.dataset.go));
      button.addEventListener("click", () => go(way()));
    }
    slider.addEventListener("input", () => go(Number(slider.value)));
    const keys = { ArrowLeft: ways.back, ArrowRight: ways.on, Home: ways.first, End: ways.last };
    section.addEventListener("keydown", (event) => {
      const way = keys[event.key];
      if (!way || event.target === slider || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.target.closest(".scroll")) return; // there the keys scroll
      event.preventDefault();
      go(way());
    });
    for (const picture of section.querySelectorAll(".picture")) {
      picture.addEventListener("scroll", () => nameStates(picture));
    }
    for (const dot of section.querySelectorAll(".dot")) {
      dot.addEventListener("click", () => go(Number(dot.dataset.at)));
    }
    section.classList.add("live");
    for (const part of section.querySelectorAll(".controls, .now, .code")) part.hidden = false;
    for (const details of section.querySelectorAll("details")) details.open = false;
    go(Number(section.dataset.begin));
  }

  // On paper nothing can be unfolded.
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("details:not([open])")];
    for (const details of folded) details.open = true;
  });
  addEventListener("afterprint", () => {
    for (const details of folded) details.open = false;
  });
})();
