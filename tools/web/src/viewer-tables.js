/* The two tables of the step, all their entries as cells, the one concerned lit, its slot before and after in words. */
import { tableAt, entryAt } from "./viewer-state.js";
import { LEVELS, movesEntry } from "./viewer-trace.js";
import { hex, size } from "./viewer-words.js";

const COLUMNS = 64;
const CELL = 9; /* pixels at most */

/* The cells of @table by colour, as paths. */
function cellPaths(table, base, span, paint, place) {
    const paths = new Map();
    table.slots.forEach((entry, index) => {
        const address = base + index * span;
        const name = entry ? `s-${entry.kind} ${paint(address, table.level, entry.move)}` : "s-empty";
        paths.set(name, (paths.get(name) ?? "") + place(index));
    });
    return paths;
}

/* The move that brought what @address of @level is part of: an entry higher up may have come as a whole. */
function cameBy(state, address, level) {
    let came = -1;
    for (let l = level; l <= state.geometry.top; l++) came = Math.max(came, entryAt(state, address, l)?.move ?? -1);
    return came;
}

function drawCells(g, view, { base, level, table, x, y, cell, columns, id }) {
    const { geometry, state } = view.player;
    const side = cell - 1;
    const place = (index) => {
        const left = x + (index % columns) * cell;
        return `M${left.toFixed(2)},${y + Math.floor(index / columns) * cell}h${side}v${side}h${-side}z`;
    };
    const above = cameBy(state, base, level + 1);
    const paint = (address, at, came) => view.paint(address, at, Math.max(came, above));
    const empty = { slots: new Array(geometry.entries).fill(null) };

    for (const [name, path] of cellPaths(table ?? empty, base, geometry.span(level), paint, place)) {
        const [kind, side] = name.split(" ");
        const shape = g
            .append("path")
            .attr("d", path)
            .attr("class", side ? `s-cell ${kind} s-paint-${side}` : "s-empty");
        if (side && kind !== "s-table") shape.attr("fill", `url(#${id}-${side})`);
    }
}

const dash = (raw) => (raw === null || raw === undefined ? "not known" : raw === 0n ? "empty" : hex(raw));

/* Of a slot: what it held before the event, and after. */
function slotWords({ player, focus }, side) {
    const { event } = player;
    const address = side === "old" ? focus.old : focus.new;
    const index = `entry ${player.geometry.index(address, focus.level)}`;
    const now = entryAt(player.state, address, focus.level);
    if (event.event === "step" && side === "old") return `${index}:  ${dash(event.entry)} → empty`;
    if (event.event === "step") return `${index}:  ${dash(event.slot_before ?? 0n)} → ${dash(event.entry)}`;
    if (event.event === "warning" && side === "old") return `${index}:  ${dash(event.entry)}, stays for now`;
    if (event.event === "warning") return `${index}:  ${dash(event.slot_before)} is in the way`;
    if (event.event === "set" && focus.lit) return `${index}:  ${dash(event.before ?? null)} → ${dash(event.entry)}`;
    return `${index}:  ${now ? dash(now.raw) : "empty"}`;
}

function drawTable(g, view, pane, layout) {
    const { player, focus } = view;
    const { geometry, state } = player;
    const { level } = focus;
    const address = pane.side === "old" ? focus.old : focus.new;
    if (address === null) return 0;
    const columns = Math.min(COLUMNS, geometry.entries);
    const cell = Math.min(CELL, Math.floor(((pane.x1 - pane.x0) / columns) * 4) / 4);
    const base = level < geometry.top ? geometry.floor(address, level + 1) : 0;
    const table = tableAt(state, address, level);
    const y = layout.y + 34;
    const rows = geometry.entries / columns;

    const title = `Table of ${LEVELS[level]}s: ${geometry.entries} entries, ${size(geometry.span(level))} each`;
    g.append("text")
        .attr("class", "s-row")
        .attr("x", pane.x0)
        .attr("y", layout.y + 12)
        .text(title);
    g.append("text")
        .attr("class", "s-mono")
        .attr("x", pane.x0)
        .attr("y", layout.y + 27)
        .text(
            `${hex(base)} – ${hex(base + geometry.span(level) * geometry.entries)}${table ? "" : "  (no table there)"}`,
        );
    drawCells(g, view, { base, level, table, x: pane.x0, y, cell, columns, id: layout.id });
    const at = geometry.index(address, level);
    if (focus.lit && (movesEntry(player.event) || (pane.side === "old") === (focus.new === null)))
        litCells(g, { from: at, count: Math.min(focus.count, geometry.entries - at), x: pane.x0, y, cell, columns });
    g.append("text")
        .attr("class", "s-mono")
        .attr("x", pane.x0)
        .attr("y", y + rows * cell + 14)
        .text(slotWords(view, pane.side));
    return 34 + rows * cell + 24;
}

/* A frame around cells [from, from + count), which may go over several rows. */
function litCells(g, { from, count, x, y, cell, columns }) {
    for (let i = from; i < from + count;) {
        const row = Math.floor(i / columns);
        const n = Math.min(from + count, (row + 1) * columns) - i;
        g.append("rect")
            .attr("class", "s-lit")
            .attr("x", x + (i % columns) * cell - 2)
            .attr("y", y + row * cell - 2)
            .attr("width", n * cell + 3)
            .attr("height", cell + 3)
            .attr("rx", 2);
        i += n;
    }
}

export function drawTables(svg, view, layout) {
    const g = svg.append("g");
    const heights = layout.panes.map((pane) => drawTable(g, view, pane, layout));
    const name = (words, y) =>
        g
            .append("text")
            .attr("class", "s-small")
            .attr("x", 8)
            .attr("y", layout.y + y)
            .text(words);
    g.append("text")
        .attr("class", "s-row")
        .attr("x", 8)
        .attr("y", layout.y + 12)
        .text("Close up");
    name("the table itself,", 27);
    name("a cell an entry", 39);
    layout.y += Math.max(0, ...heights) + 4;
}
