/*
 * The drawing: the whole address space, the source and the destination side by side to scale, and the two tables that
 * the step is about. One SVG, drawn anew at each stop, the same on the page and in an export.
 */
import { select } from "d3-selection";
import { drawOverview } from "./viewer-overview.js";
import { drawPanes } from "./viewer-panes.js";
import { drawTables } from "./viewer-tables.js";
import { eventWords, number } from "./viewer-words.js";
import { LEVELS, movesEntry } from "./viewer-trace.js";

const MARGIN = { left: 104, right: 16, gap: 36 };
const PATTERNS = [
    ["old", 0],
    ["new", 45],
    ["free", 0],
];

/*
 * What the stop is about: {level, old, new, lit, count}; old and new are addresses of entries, new may be null; lit:
 * whether something happens to them now, or they are only shown.
 */
export function focusOf(player) {
    const { event, move, geometry } = player;
    if (movesEntry(event)) return { level: event.level, old: event.old, new: event.new, lit: true, count: 1 };
    const at = addressed(event);
    if (at) {
        const { target } = player.frame;
        const inTarget = target && at.address >= target.start && at.address < target.end;
        const other = move ? at.address + (inTarget ? -move.delta : move.delta) : null;
        return { ...at, old: inTarget ? other : at.address, new: inTarget ? at.address : null, lit: true };
    }
    const step = nearestStep(player);
    if (step) return { level: step.level, old: step.old, new: step.new, lit: false, count: 1 };
    const address = move ? move.old : player.frame.window.start;
    return { level: 0, old: geometry.floor(address, 0), new: move ? move.new : null, lit: false, count: 1 };
}

function addressed({ event, level, address, count = 1 }) {
    if (event === "set") return { level, address, count };
    if (event.startsWith("table-")) return { level: level + 1, address, count: 1 };
    return event === "fault" ? { level: 0, address: address - (address % 4096), count: 1 } : null;
}

/* The step before the current stop, or the first of the same move. */
function nearestStep({ events, stop, move }) {
    if (!move) return null;
    for (let i = stop.event; i >= move.at; i--) if (events[i].event === "step") return events[i];
    for (let i = stop.event; i <= move.last; i++) if (events[i].event === "step") return events[i];
    return null;
}

/*
 * How to paint an entry of @level at @address that move @came brought: "new" when that is the move shown, "old" when it is
 * to move as a whole, "free" when it stays.
 */
export function painter(player) {
    const { move, moves, geometry } = player;
    const id = moves.indexOf(move);
    return (address, level, came) => {
        if (!move) return "free";
        if (came === id) return "new";
        const inside = address >= move.src.start && address + geometry.span(level) <= move.src.end;
        return inside && level <= move.level ? "old" : "free";
    };
}

function definePatterns(svg, id) {
    const defs = svg.append("defs");
    for (const [name, angle] of PATTERNS) {
        const pattern = defs
            .append("pattern")
            .attr("id", `${id}-${name}`)
            .attr("patternUnits", "userSpaceOnUse")
            .attr("width", 6)
            .attr("height", 6)
            .attr("patternTransform", `rotate(${angle})`);
        pattern.append("rect").attr("width", 6).attr("height", 6).attr("class", `s-fill-${name}`);
        if (name === "new") pattern.append("rect").attr("width", 2).attr("height", 6).attr("class", "s-hatch");
    }
    for (const name of ["lit"])
        defs.append("marker")
            .attr("id", `${id}-arrow-${name}`)
            .attr("viewBox", "0 0 10 10")
            .attr("refX", 9)
            .attr("refY", 5)
            .attr("markerWidth", 7)
            .attr("markerHeight", 7)
            .attr("orient", "auto-start-reverse")
            .append("path")
            .attr("d", "M0,0 10,5 0,10Z")
            .attr("class", `s-arrowhead`);
}

function drawCaption(svg, player, layout) {
    const { move, stop, geometry, event } = player;
    const g = svg
        .append("g")
        .attr("class", "s-caption")
        .attr("transform", `translate(16,${layout.y + 14})`);
    const words = eventWords(event, { player, geometry });
    const room = Math.floor((layout.width - 32) / 7.2);
    const shown = words.length > room ? `${words.slice(0, room - 1)}…` : words;

    g.append("text").attr("class", "s-words").text(shown);
    g.append("text")
        .attr("class", "s-mono")
        .attr("y", 19)
        .text(`${player.at + 1}/${player.length}  ${player.textOf(player.at)}`);
    if (move) {
        const counts = stop.sum.entries.map((n, level) => `${number(n)} ${LEVELS[level]}`).join(", ");
        const more = `moved so far: ${counts}; page by page: ${number(stop.sum.pages)}`;
        g.append("text")
            .attr("class", "s-mono")
            .attr("x", layout.width - 32)
            .attr("y", 19)
            .attr("text-anchor", "end")
            .text(more);
    }
    layout.y += 46;
}

/*
 * Draws @player's stop into @node, an SVG element, @width pixels wide; @caption: with the words below, for a picture
 * that stands alone. @id: for names inside of it, unlike those of other pictures of the page.
 */
export function drawStage(node, player, { width, caption = false, id = "s" }) {
    const svg = select(node);
    const two = Boolean(player.frame.target);
    const inner = width - MARGIN.left - MARGIN.right;
    const paneWidth = two ? (inner - MARGIN.gap) / 2 : inner;
    const panes = [{ side: "old", x0: MARGIN.left, x1: MARGIN.left + paneWidth, window: player.frame.window }];
    if (two)
        panes.push({
            side: "new",
            x0: width - MARGIN.right - paneWidth,
            x1: width - MARGIN.right,
            window: player.frame.target,
        });
    const layout = { width, left: MARGIN.left, right: width - MARGIN.right, y: 4, panes, id, two };
    const view = { player, focus: focusOf(player), paint: painter(player) };

    svg.selectAll("*").remove();
    svg.attr("class", "s-stage");
    definePatterns(svg, id);
    svg.append("rect").attr("class", "s-paper").attr("width", width).attr("height", "100%");
    drawOverview(svg, view, layout);
    drawPanes(svg, view, layout);
    drawTables(svg, view, layout);
    if (caption) drawCaption(svg, player, layout);
    svg.attr("viewBox", `0 0 ${width} ${layout.y}`).attr("width", width).attr("height", layout.y);
    svg.attr("role", "img").attr("aria-label", eventWords(player.event, { player, geometry: player.geometry }));
}
