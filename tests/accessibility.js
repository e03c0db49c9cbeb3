({
    // Elements without an accessible name, the words of figures, and the headings in their order.
    names() {
        const shown = (e) => e.getClientRects().length > 0 && getComputedStyle(e).visibility !== "hidden";
        const pointed = (e) => (e.getAttribute("aria-labelledby") || "").split(" ")
            .map((id) => document.getElementById(id)?.textContent || "").join(" ").trim();
        const labels = (e) => [...(e.labels || [])].map((label) => label.textContent).join(" ");
        const name = (e) => (e.getAttribute("aria-label") || pointed(e) || labels(e) || e.title || e.textContent || "").trim();
        const all = (selector) => [...document.querySelectorAll(selector)];
        const nameless = (found) => found.filter((e) => !name(e)).map((e) => e.outerHTML.slice(0, 160));
        return {
            inputs: nameless(all("input, textarea, select, [role=combobox], [role=slider], [role=radio]")
                .filter((e) => e.type !== "hidden")),
            buttons: nameless(all("button, [role=button], summary, a[href]").filter(shown)),
            figures: all("[data-testid=stPlotlyChart]").map((e) => e.getAttribute("aria-label") || ""),
            images: all("[data-testid=stMain] img").filter((e) => !e.hasAttribute("alt")).map((e) => e.outerHTML.slice(0, 160)),
            tables: all("summary").filter((e) => /Table behind/.test(e.textContent)).length,
            headings: all("h1, h2, h3, h4, h5, h6").filter((e) => shown(e) && !e.closest("[data-testid=stSidebar]"))
                .map((e) => [Number(e.tagName[1]), e.textContent.trim()]),
        };
    },

    // Every shown text whose colour is too weak for what lies under it: the backgrounds around it, blended (WCAG 2).
    contrast() {
        const parse = (colour) => {
            const m = (colour.match(/[\d.]+/g) || []).map(Number);
            return m.length < 3 ? [0, 0, 0, 0] : [m[0], m[1], m[2], m.length > 3 ? m[3] : 1];
        };
        const over = (a, b) => {
            const alpha = a[3] + b[3] * (1 - a[3]);
            if (!alpha) { return [0, 0, 0, 0]; }
            return [...[0, 1, 2].map((i) => (a[i] * a[3] + b[i] * b[3] * (1 - a[3])) / alpha), alpha];
        };
        const luminance = (colour) => {
            const [r, g, b] = colour.map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const ratio = (a, b) => {
            const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y);
            return (light + 0.05) / (dark + 0.05);
        };
        const ancestors = (e) => { const found = []; for (let n = e; n; n = n.parentElement) { found.push(n); } return found; };
        const around = (n, box) => {
            const r = n.getBoundingClientRect(), x = (box.left + box.right) / 2, y = (box.top + box.bottom) / 2;
            return r.left <= x && x <= r.right && r.top <= y && y <= r.bottom;
        };
        const under = (e, box) => {
            let found = [0, 0, 0, 0];
            for (const n of ancestors(e)) {
                if (n.tagName !== "HTML" && n.tagName !== "BODY" && !around(n, box)) { continue; }
                const style = getComputedStyle(n);
                if (style.backgroundImage !== "none" && found[3] < 1) { return null; }
                found = over(found, parse(style.backgroundColor));
            }
            return over(found, parse(getComputedStyle(document.querySelector("[data-testid=stApp]")).backgroundColor));
        };
        const opacity = (e) => ancestors(e).reduce((all, n) => all * Number(getComputedStyle(n).opacity), 1);
        const LEFT_OUT = "[disabled], [aria-disabled=true], script, style, [aria-hidden=true], [data-testid=stDataFrame]";
        const found = new Set();
        const walk = document.createTreeWalker(document.querySelector("[data-testid=stApp]"), NodeFilter.SHOW_TEXT);
        while (walk.nextNode()) {
            const text = walk.currentNode.textContent.trim(), e = walk.currentNode.parentElement;
            if (!text || !e.getClientRects().length || e.closest(LEFT_OUT)) { continue; }
            const style = getComputedStyle(e), svg = e.closest("svg"), plot = e.closest(".js-plotly-plot");
            if (style.visibility === "hidden" || opacity(e) === 0) { continue; }
            const colour = parse(svg ? style.fill : style.color);
            const ink = ["0,0,0", "255,255,255"].includes(colour.slice(0, 3).join());
            if (plot && ink) { continue; }  // on a coloured cell; tests of the figures look at these
            if (plot && !/[\p{L}\p{N}]/u.test(text)) { continue; }  // a mark, beside the name of what it stands for
            const range = document.createRange();
            range.selectNodeContents(walk.currentNode);
            let ground = under(plot || e, range.getBoundingClientRect());
            if (!ground) { continue; }
            const box = e.closest(".annotation")?.querySelector("rect.bg");
            if (box) {
                const fill = parse(getComputedStyle(box).fill);
                fill[3] *= Number(getComputedStyle(box).fillOpacity);
                ground = over(fill, ground);
            }
            colour[3] *= opacity(e) * (svg ? Number(style.fillOpacity) : 1);
            const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
            const value = ratio(over(colour, ground), ground);
            if (value < (large ? 3 : 4.5)) {
                const kind = (e.className.baseVal ?? e.className).slice(0, 40);
                found.add(`${value.toFixed(2)} ${size}px ${colour} on ${ground.map(Math.round)}: ${text.slice(0, 50)} <${kind}>`);
            }
        }
        return [...found];
    },

    // How many pixels the page is wider than the window.
    wide() {
        const main = document.querySelector("[data-testid=stMain]");
        return Math.max(document.documentElement.scrollWidth - innerWidth, main.scrollWidth - main.clientWidth);
    },

    // What has the focus, where it is; it is noted as reached.
    focused() {
        const e = document.activeElement, box = e.getBoundingClientRect();
        e.dataset.reached = "yes";
        return [`${e.tagName} ${(e.getAttribute("aria-label") || e.textContent || "").trim().slice(0, 40)}`,
            box.x, box.y, box.width, box.height];
    },

    // Controls that the keyboard should have reached by now; of a group of radio buttons Tab reaches one.
    left() {
        const wanted = "button, summary, a[href], input, textarea, [tabindex='0']";
        return [...document.querySelector("[data-testid=stMain]").querySelectorAll(wanted)]
            .filter((e) => e.checkVisibility({ visibilityProperty: true }) && !e.disabled && e.tabIndex >= 0)
            .filter((e) => e.tagName === "SUMMARY" || !e.closest("details:not([open])"))
            .filter((e) => !["radio", "file", "hidden"].includes(e.type) && !e.closest("[role=radiogroup]"))
            .filter((e) => !e.dataset.reached).map((e) => e.outerHTML.slice(0, 160));
    },
})
