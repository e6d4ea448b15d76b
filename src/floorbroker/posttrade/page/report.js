// Draws each chart when it is first seen, in the colours of the theme that is showing.
"use strict";
(() => {
  const root = document.documentElement;
  const specs = JSON.parse(document.getElementById("charts").textContent);
  const drawn = new Set();

  // "--buy" in a chart's description stands for the page's colour of that name.
  function coloured(value, style) {
    if (typeof value === "string") {
      return value.startsWith("--") ? style.getPropertyValue(value).trim() : value;
    }
    if (Array.isArray(value)) return value.map((part) => coloured(part, style));
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, part]) => [key, coloured(part, style)])
    );
  }

  function draw(box) {
    const spec = coloured(specs[box.dataset.chart], getComputedStyle(root));
    const isNarrow = box.clientWidth < 480;
    const layout = { ...spec.layout, dragmode: matchMedia("(pointer: coarse)").matches ? false : "zoom" };
    if (isNarrow) {
      layout.margin = { ...layout.margin, l: 48, r: 6 };
      layout.xaxis = { ...layout.xaxis, nticks: 4 };
    }
    // A chart does not notice by itself that paper is narrower than the screen.
    if (root.classList.contains("printing")) layout.width = box.clientWidth;
    Plotly.react(box, spec.data, layout, { displayModeBar: false, responsive: true });
    drawn.add(box);
  }

  const isShowing = (box) => box.closest("details:not([open])") === null;
  function drawNew() {
    for (const box of document.querySelectorAll(".chart")) {
      if (!drawn.has(box) && isShowing(box)) draw(box);
    }
  }
  function redraw() {
    for (const box of drawn) if (isShowing(box)) draw(box);
  }

  document.addEventListener("toggle", drawNew, true);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);

  // Paper is white and cannot unfold anything.
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("details:not([open])")];
    for (const part of folded) part.open = true;
    root.classList.add("printing");
    drawNew();
    redraw();
  });
  addEventListener("afterprint", () => {
    root.classList.remove("printing");
    for (const part of folded) part.open = false;
    redraw();
  });

  drawNew();
})();
