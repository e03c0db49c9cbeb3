// Light and dark, figures that are drawn when they come into view, and the published values over them.
(function () {
  "use strict";
  const NAME = "invlab-theme";
  const root = document.documentElement;
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const COLOURS = {
    light: { ink: "#1c2733", grid: "#dde3ea", zero: "#aab4c0", paper: "#ffffff", box: "#f3f6fa" },
    dark: { ink: "#e6edf3", grid: "#2b3642", zero: "#566372", paper: "#11161d", box: "#1b232d" },
  };
  const CONFIG = {
    displaylogo: false, showSendToCloud: false, responsive: true,
    toImageButtonOptions: { format: "png", scale: 2 },
  };
  const NARROW = 560; // pixels: below, letters are smaller and long titles of axes take two lines
  const drawn = new Set();

  function kept() {
    try { return window.localStorage.getItem(NAME); } catch (refused) { return null; }
  }

  function keep(theme) {
    try { window.localStorage.setItem(NAME, theme); } catch (refused) { /* then for this page only */ }
  }

  function theme() {
    return root.dataset.theme || (system.matches ? "dark" : "light");
  }

  function template(name, small) {
    const c = COLOURS[name];
    const axis = {
      gridcolor: c.grid, zerolinecolor: c.zero, linecolor: c.zero, tickcolor: c.zero, automargin: true,
      zerolinewidth: 1, title: { standoff: 10, font: { size: small ? 12 : 14 } },
    };
    return { layout: {
      paper_bgcolor: c.paper, plot_bgcolor: c.paper, xaxis: axis, yaxis: axis,
      font: { color: c.ink, family: "system-ui, sans-serif" },
      hoverlabel: { bgcolor: c.box, bordercolor: c.zero, font: { color: c.ink } },
      modebar: { bgcolor: "rgba(0,0,0,0)", color: c.zero, activecolor: c.ink },
    } };
  }

  function shrink(layout) {
    layout.font = Object.assign({}, layout.font, { size: 12 });
    Object.keys(layout).filter((key) => /^[xy]axis/.test(key)).forEach((key) => {
      const title = layout[key].title;
      if (title && title.text && title.text.length > 24 && !title.text.includes("<br>")) {
        title.text = twoLines(title.text);
      }
    });
  }

  // Broken at the space that is nearest to the middle.
  function twoLines(text) {
    const spaces = [...text].map((letter, at) => (letter === " " ? at : -1)).filter((at) => at > 0);
    const middle = text.length / 2;
    const best = spaces.sort((a, b) => Math.abs(a - middle) - Math.abs(b - middle))[0];
    return best === undefined ? text : text.slice(0, best) + "<br>" + text.slice(best + 1);
  }

  function draw(figure, name) {
    const versions = figure.querySelectorAll("script[type='application/json']");
    const version = versions[Number(figure.dataset.version || 0)];
    const plot = JSON.parse(version.textContent);
    const canvas = figure.querySelector(".canvas"), small = canvas.clientWidth < NARROW;
    plot.layout.template = template(name || theme(), small);
    plot.layout.autosize = true;
    if (small) { shrink(plot.layout); }
    window.Plotly.react(canvas, plot.data, plot.layout, CONFIG);
    drawn.add(figure);
  }

  function redraw(name) {
    drawn.forEach((figure) => draw(figure, name));
  }

  function figures() {
    return document.querySelectorAll("figure.plot");
  }

  function watch() {
    if (!window.IntersectionObserver) { figures().forEach((figure) => draw(figure)); return; }
    const seen = new IntersectionObserver((entries) => {
      entries.filter((entry) => entry.isIntersecting).forEach((entry) => {
        seen.unobserve(entry.target);
        if (!drawn.has(entry.target)) { draw(entry.target); }
      });
    }, { rootMargin: "400px" });
    figures().forEach((figure) => seen.observe(figure));
  }

  function label(button) {
    const other = theme() === "dark" ? "Light" : "Dark";
    button.textContent = other;
    button.setAttribute("aria-label", other + " colours");
  }

  function themes() {
    const button = document.getElementById("theme");
    button.hidden = false;
    label(button);
    button.addEventListener("click", () => {
      root.dataset.theme = theme() === "dark" ? "light" : "dark";
      keep(root.dataset.theme);
      label(button);
      redraw();
    });
    system.addEventListener("change", () => { label(button); redraw(); });
  }

  function overlays() {
    document.querySelectorAll("button.overlay").forEach((button) => {
      const figure = button.closest("figure");
      button.hidden = false;
      button.addEventListener("click", () => {
        const shown = figure.dataset.version !== "1";
        figure.dataset.version = shown ? "1" : "0";
        button.setAttribute("aria-pressed", String(shown));
        figure.querySelectorAll("figcaption [data-version]").forEach((words) => {
          words.hidden = words.dataset.version !== figure.dataset.version;
        });
        figure.querySelectorAll("p [data-version]").forEach((words) => { words.hidden = !shown; });
        draw(figure);
      });
    });
  }

  const before = kept();
  if (before === "light" || before === "dark") { root.dataset.theme = before; }
  root.classList.add("js");
  document.addEventListener("DOMContentLoaded", () => {
    themes();
    overlays();
    if (window.matchMedia("(max-width: 62rem)").matches) {
      document.querySelectorAll("nav > details").forEach((list) => { list.open = false; });
    }
    if (window.Plotly) { watch(); }
    window.addEventListener("beforeprint", () => figures().forEach((figure) => draw(figure, "light")));
    window.addEventListener("afterprint", () => redraw());
  });
})();
