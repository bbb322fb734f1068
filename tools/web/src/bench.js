/* The page of make bench: the table of tools/bench.py as plots. Drawing is Observable Plot's. */
import * as Plot from "@observablehq/plot";
import { run, rows } from "realign:data";
import { themeButton } from "./theme.js";

const KERNELS = [
    { column: "linux_6_1", name: "Linux 6.1", colour: "var(--free)", symbol: "square" },
    { column: "linux_6_12", name: "Linux 6.12", colour: "var(--old)", symbol: "triangle" },
    { column: "realign", name: "Realign", colour: "var(--new)", symbol: "circle" },
];
const NAMES = KERNELS.map(({ name }) => name);
const COLOUR = { domain: NAMES, range: KERNELS.map(({ colour }) => colour) };
const SYMBOL = { domain: NAMES, range: KERNELS.map(({ symbol }) => symbol) };

const UNITS = { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };
const bytes = (text) => parseInt(text, 10) * UNITS[text.at(-1)];
const shortBytes = (n) => {
    const unit = Object.keys(UNITS).findLast((name) => n >= UNITS[name]);
    return `${n / UNITS[unit]}${unit}`;
};
const exact = (n) => (n === null ? "–" : n.toLocaleString("en", { maximumFractionDigits: n < 1000 ? 1 : 0 }));
const short = (n) => n.toLocaleString("en", { notation: "compact", maximumSignificantDigits: 3 });

const byCase = new Map(rows.map((row) => [row.case, row]));
const element = (name, text = "", className = "") =>
    Object.assign(document.createElement(name), { textContent: text, className });

/* A point for each kernel that has a number. */
function points(row, x) {
    return KERNELS.filter(({ column }) => row?.[column] > 0).map(({ column, name }) => ({
        x,
        y: row[column],
        kernel: name,
        case: row.case,
    }));
}

function chart(title, data, xAxis) {
    const figure = element("figure");
    const options = { x: "x", y: "y", stroke: "kernel" };
    figure.append(
        element("figcaption", title),
        Plot.plot({
            width: 440,
            height: 290,
            marginLeft: 52,
            marginBottom: 38,
            style: { background: "transparent", color: "var(--ink)", fontSize: "12px" },
            x: xAxis,
            y: { type: "log", label: "instructions", grid: true, tickFormat: (n) => (/^1/.test(n) ? short(n) : "") },
            color: COLOUR,
            symbol: SYMBOL,
            marks: [
                Plot.line(data, { ...options, sort: "x", strokeWidth: 1.5 }),
                Plot.dot(data, { ...options, symbol: "kernel", fill: "kernel", r: 3.5 }),
                Plot.tip(data, Plot.pointer({ x: "x", y: "y", title: (d) => `${d.kernel}: ${exact(d.y)}\n${d.case}` })),
            ],
        }),
    );
    return figure;
}

/* The charts of cases that @pattern finds: its last group is the family, its first the size. */
function families(pattern, size) {
    const found = new Map();
    for (const row of rows) {
        const match = row.case.match(pattern);
        if (!match) continue;
        const family = match.slice(2).join(", ");
        found.set(family, [...(found.get(family) ?? []), ...points(row, size(match[1]))]);
    }
    return found;
}

const several = (data) => new Set(data.map(({ x }) => x)).size > 1;

function sizes(into) {
    const axis = (data) => {
        const ticks = [...new Set(data.map(({ x }) => x))];
        return { type: "log", base: 2, label: "size", ticks, tickFormat: shortBytes };
    };
    const moves = families(/^move\/(\d+[KMG])-(aligned|misaligned)$/, bytes);
    for (const small of ["4K", "64K", "1M"])
        for (const [family, data] of moves)
            if (family === "aligned" || small === "4K") data.push(...points(byCase.get(`move/${small}`), bytes(small)));
    const titles = { aligned: "Every page present, 2M-aligned", misaligned: "Every page present, misaligned by a page" };
    for (const [family, data] of moves) if (several(data)) into.append(chart(titles[family], data, axis(data)));
    const words = { nothing: "Nothing present", "one-page": "One page in all", "per-GiB": "One page in each GiB" };
    for (const [family, data] of families(/^sparse\/(\d+[GT])-(nothing|one-page|per-GiB)-(.*)$/, bytes)) {
        const [what, where] = family.split(", ");
        if (several(data)) into.append(chart(`${words[what]}, ${where}`, data, axis(data)));
    }
}

function others(into) {
    const titles = { "move-4K": "Move of a page", "move-2M+1M": "Move of 2M at +1M", "mmap-munmap": "mmap and munmap of a page" };
    const alone = { "move-4K": "move/4K", "move-2M+1M": "move/2M+1M-mutual-tail", "mmap-munmap": "call/mmap-munmap-page" };
    const axis = { type: "symlog", constant: 300, label: "other mappings", ticks: [0, 1000, 10000, 60000], tickFormat: short };
    for (const [family, data] of families(/^others\/(\d+)-(.*)$/, Number))
        into.append(chart(titles[family] ?? family, [...points(byCase.get(alone[family]), 0), ...data], axis));
    const forks = [...families(/^fork\/(\d+)-others()$/, Number).values()].flat();
    if (forks.length) into.append(chart("fork, exit and wait", [...points(byCase.get("fork/nothing"), 0), ...forks], axis));
}

function goals(into) {
    const data = rows.filter(({ goal }) => goal).flatMap((row) =>
        points(row, 0).map((point) => ({ ...point, x: point.y / row.goal, title: row.title, goal: row.goal })));
    into.append(
        Plot.plot({
            width: 1000,
            height: 90 + 19 * new Set(data.map(({ title }) => title)).size,
            marginLeft: 300,
            style: { background: "transparent", color: "var(--ink)", fontSize: "12px" },
            x: { type: "log", label: "cost ÷ goal", grid: true, tickFormat: (n) => (/^0*\.?0*1/.test(n) ? short(n) : "") },
            y: { label: null, domain: [...new Set(data.map(({ title }) => title))], grid: true },
            color: COLOUR,
            symbol: SYMBOL,
            marks: [
                Plot.ruleX([1], { stroke: "var(--ink)" }),
                Plot.dot(data, { x: "x", y: "title", stroke: "kernel", fill: "kernel", symbol: "kernel", r: 4 }),
                Plot.tip(data, Plot.pointer({
                    x: "x", y: "title", title: (d) => `${d.kernel}: ${exact(d.y)}\ngoal: ${exact(d.goal)}`,
                })),
            ],
        }),
    );
}

function key() {
    const legend = Plot.legend({ color: COLOUR, symbol: { ...SYMBOL }, style: { background: "transparent" } });
    legend.classList.add("b-key");
    return legend;
}

function table(into) {
    const head = ["case", ...NAMES, "ratio", "goal", "met"];
    const made = element("table");
    const first = made.createTHead().insertRow();
    for (const text of head) first.append(element("th", text));
    const body = made.createTBody();
    for (const row of rows) {
        const line = body.insertRow();
        const cells = KERNELS.map(({ column }) => exact(row[column]) + (row.recorded.includes(column) ? "*" : ""));
        for (const text of [row.title, ...cells, exact(row.ratio), exact(row.goal)]) line.append(element("td", text));
        const met = { true: element("td", "✓ yes", "b-met"), false: element("td", "✗ no", "b-missed") };
        line.append(met[row.met] ?? element("td"));
    }
    into.append(made);
}

const place = (name) => document.querySelector(name);
place(".b-about").textContent =
    `Instructions, counted in QEMU; Realign at ${run.commit}, ${run.date}, compiled by ${run.compiler}.`;
themeButton(place(".b-theme"));
place(".b-goals").append(key());
goals(place(".b-goals"));
sizes(place(".b-sizes"));
others(place(".b-others"));
table(place(".b-table"));
