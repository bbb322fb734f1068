/*
 * The panes: a window of the address space each, source and destination, at one scale. Areas on top, below them a row
 * for each level of tables: an entry stands over what it translates.
 */
import { axisBottom } from "d3-axis";
import { scaleLinear } from "d3-scale";
import { runsIn } from "./viewer-state.js";
import { LEVELS, movesEntry } from "./viewer-trace.js";
import { blocksOf, paintedRuns, without } from "./viewer-pieces.js";
import { areaName, areaSide } from "./viewer-overview.js";
import { hex, range, size } from "./viewer-words.js";

const AREA = { height: 20, gap: 20 };
const ROW = { height: 24, gap: 20 };
const MANY = 300; /* more blocks than that in a row are drawn as one shape for each colour */

const TITLES = { old: "Source", new: "Destination" };

/* The levels that have a row, from the top. */
function levelsShown({ geometry, frame, move }) {
    const highest = Math.min(geometry.top, Math.max(2, move?.level ?? 0, frame.unit));
    return Array.from({ length: highest + 1 }, (_, i) => highest - i);
}

class Pane {
    constructor(svg, view, pane, y) {
        Object.assign(this, pane, view, { y, g: svg.append("g").attr("class", `s-pane-${pane.side}`) });
        this.scale = scaleLinear().domain([pane.window.start, pane.window.end]).range([pane.x0, pane.x1]).clamp(true);
        this.perPixel = (pane.window.end - pane.window.start) / (pane.x1 - pane.x0);
        this.runs = new Map();
    }

    box(selection, y, height) {
        return selection
            .attr("x", (d) => this.scale(d.start))
            .attr("y", y)
            .attr("width", (d) => Math.max(1, this.scale(d.end) - this.scale(d.start)))
            .attr("height", height);
    }

    get own() {
        const { move } = this.player;
        return (
            move &&
            (this.side === "old"
                ? { start: move.old, end: move.old + move.len }
                : { start: move.new, end: move.new + move.len })
        );
    }

    get widened() {
        const { move } = this.player;
        return move && (this.side === "old" ? move.src : move.dst);
    }

    drawTitle(two) {
        const { start, end } = this.window;
        const title = two ? TITLES[this.side] : "The address space";
        this.g
            .append("text")
            .attr("class", `s-title s-text-${two ? this.side : "ink"}`)
            .attr("x", this.x0)
            .attr("y", this.y + 14)
            .text(title);
        this.g
            .append("text")
            .attr("class", "s-small")
            .attr("x", this.x1)
            .attr("y", this.y + 14)
            .attr("text-anchor", "end")
            .text(`${size(end - start)} of it, to scale`);
        this.y += 36;
    }

    /* |-----| over the range asked for, and the part that widening adds, dashed. */
    drawBrackets() {
        const { own, widened, y } = this;
        const bracket = (a, b, name) =>
            this.g
                .append("path")
                .attr("class", name)
                .attr(
                    "d",
                    `M${this.scale(a)},${y} v9 M${this.scale(a)},${y + 4.5} H${this.scale(b)} M${this.scale(b)},${y} v9`,
                );
        if (own) {
            const { event } = this.player;
            const now = (yes) => (yes ? " s-now" : "");
            const widens = (direction) => now(event.event === "widen" && event.direction === direction);
            if (this.isWidened("start")) bracket(widened.start, own.start, `s-bracket s-dashed${widens("down")}`);
            if (this.isWidened("end")) bracket(own.end, widened.end, `s-bracket s-dashed${widens("up")}`);
            bracket(own.start, own.end, `s-bracket${now(event.event === "move" || event.event === "call")}`);
            this.drawBracketLabel(own, widened);
        }
        this.y += 20;
    }

    /* The event that widened this end has happened. */
    isWidened(end) {
        const { move, stop } = this.player;
        return move.widened[end === "start" ? "down" : "up"] <= stop.event;
    }

    drawBracketLabel(own, widened) {
        const added =
            (this.isWidened("start") ? own.start - widened.start : 0) +
            (this.isWidened("end") ? widened.end - own.end : 0);
        const words = `${size(own.end - own.start)} asked for${added ? `, ${size(added)} added` : ""}`;
        const half = words.length * 3;
        const middle = (this.scale(own.start) + this.scale(own.end)) / 2;
        this.g
            .append("text")
            .attr("class", "s-small s-halo")
            .attr("x", Math.max(this.x0 + half, Math.min(this.x1 - half, middle)))
            .attr("y", this.y - 2)
            .attr("text-anchor", "middle")
            .text(words);
    }

    track(height) {
        this.g
            .append("rect")
            .attr("class", "s-track")
            .attr("x", this.x0)
            .attr("y", this.y)
            .attr("width", this.x1 - this.x0)
            .attr("height", height);
    }

    drawAreas() {
        const { player, window, scale, y } = this;
        const inside = player.state.vmas.filter((v) => v.start < window.end && v.end > window.start);
        this.track(AREA.height);
        const area = this.g.selectAll(null).data(inside).join("g");
        this.box(area.append("rect"), y, AREA.height)
            .attr("class", (d) => `s-area s-line-${areaSide(d, player.move)}`)
            .append("title")
            .text((d) => `${range(d)} ${d.prot} ${d.name}`);
        area.append("text")
            .attr("class", "s-label")
            .attr("x", (d) => (scale(d.start) + scale(d.end)) / 2)
            .attr("y", y + AREA.height / 2 + 4)
            .attr("text-anchor", "middle")
            .text(
                (d) =>
                    [`${size(d.end - d.start)} ${d.prot}`, areaName(d)].find(
                        (t) => t.length * 6.4 < scale(d.end) - scale(d.start),
                    ) ?? "",
            );
        this.drawForbidding(inside);
        this.y += AREA.height + AREA.gap;
    }

    /* A frame around the neighbours because of which a move is not widened. */
    drawForbidding(areas) {
        const { event, geometry } = this.player;
        if (event.event !== "not-widened" || event.forbidden_by === `${this.side === "old" ? "new" : "old"} neighbour`)
            return;
        const { own } = this;
        const span = geometry.span(event.level);
        const added =
            event.direction === "down"
                ? { start: geometry.floor(own.start, event.level), end: own.start }
                : { start: own.end, end: geometry.floor(own.end + span - 1, event.level) };
        const guilty = areas.filter((v) => v.start < added.end && v.end > added.start);
        this.box(this.g.selectAll(null).data(guilty).join("rect"), this.y - 3, AREA.height + 6)
            .attr("class", "s-lit")
            .attr("rx", 4);
    }

    /* Where one entry ends and the next begins. */
    drawGrid(level) {
        const { geometry } = this.player;
        const span = geometry.span(level);
        if (span / this.perPixel < 5) return;
        let path = "";
        for (let at = geometry.floor(this.window.start, level) + span; at < this.window.end; at += span)
            path += `M${this.scale(at).toFixed(1)},${this.y}v${ROW.height}`;
        this.g.append("path").attr("class", "s-grid").attr("d", path);
    }

    drawGone(level, live) {
        const { move } = this.player;
        if (this.side !== "old" || !move?.before || this.player.stop.event <= move.at) return;
        const gone = without(move.before[level], live).filter(({ start, end }) => (end - start) / this.perPixel >= 1);
        this.box(this.g.selectAll(null).data(gone).join("rect"), this.y + 1.5, ROW.height - 3).attr("class", "s-gone");
    }

    drawShapes(parts) {
        const groups = new Map();
        for (const part of parts) {
            const key = `${part.kind} ${part.side}`;
            const x0 = this.scale(part.start);
            const w = Math.max(0.6, this.scale(part.end) - x0);
            groups.set(
                key,
                (groups.get(key) ?? "") +
                    `M${x0.toFixed(2)},${this.y}h${w.toFixed(2)}v${ROW.height}h${(-w).toFixed(2)}z`,
            );
        }
        for (const [key, path] of groups) {
            const [kind, side] = key.split(" ");
            this.g
                .append("path")
                .attr("class", `s-${kind} s-paint-${side}`)
                .attr("fill", this.fill(kind, side))
                .attr("d", path);
        }
    }

    fill(kind, side) {
        return kind === "table" ? null : `url(#${this.id}-${side})`;
    }

    drawBlocks(level, blocks) {
        const { geometry } = this.player;
        const block = this.g.selectAll(null).data(blocks).join("g");
        this.box(block.append("rect"), this.y, ROW.height)
            .attr("class", (d) => `s-${d.kind} s-paint-${d.side}`)
            .attr("fill", (d) => this.fill(d.kind, d.side))
            .attr("rx", 2)
            .append("title")
            .text((d) => `${LEVELS[level]} entry ${geometry.index(d.start, level)}: ${range(d)}`);
        block
            .append("text")
            .attr("class", (d) => (d.kind === "table" ? "s-label" : "s-label s-halo"))
            .attr("x", (d) => (this.scale(d.start) + this.scale(d.end)) / 2)
            .attr("y", this.y + ROW.height / 2 + 4)
            .attr("text-anchor", "middle")
            .text((d) => this.blockLabel(d, level));
    }

    blockLabel(block, level) {
        const { geometry } = this.player;
        const width = this.scale(block.end) - this.scale(block.start);
        const index = geometry.index(block.start, level);
        const long =
            block.kind === "table"
                ? `entry ${index} → table of ${LEVELS[level - 1]}s`
                : `entry ${index}: a page of ${size(geometry.span(level))}`;
        return [long, `entry ${index}`, String(index)].find((words) => words.length * 6.2 + 6 < width) ?? "";
    }

    /* Edges of the window that the entry goes beyond. */
    drawTorn(blocks) {
        for (const { start, end } of blocks) {
            if (start < this.window.start) this.tear(this.x0, 1);
            if (end > this.window.end) this.tear(this.x1, -1);
        }
    }

    tear(x, sign) {
        let path = `M${x - sign * 2},${this.y - 1}`;
        for (let i = 0; i < 5; i++)
            path += `l${sign * 6},${(ROW.height + 2) / 10} l${-sign * 6},${(ROW.height + 2) / 10}`;
        this.g.append("path").attr("class", "s-tear").attr("d", `${path}Z`);
    }

    drawRow(level) {
        const { player, paint, perPixel } = this;
        const span = player.geometry.span(level);
        const runs = runsIn(player.state, level, this.window);
        const count = runs.reduce((sum, run) => sum + run.count, 0);

        this.track(ROW.height);
        this.drawGrid(level);
        this.drawGone(level, runs);
        if (span / perPixel >= 3 && count <= MANY) {
            const blocks = blocksOf(runs, level, span, paint).filter(
                (b) => b.start < this.window.end && b.end > this.window.start,
            );
            this.drawBlocks(level, blocks);
            this.drawTorn(blocks);
        } else this.drawShapes(paintedRuns(runs, level, paint, player.move, perPixel / 4));
        this.drawLit(level);
        this.y += ROW.height + ROW.gap;
    }

    drawLit(level) {
        const { focus, player } = this;
        const address = this.side === "old" ? focus.old : focus.new;
        if (!focus.lit || focus.level !== level || address === null) return;
        if (!movesEntry(player.event) && (this.side === "old") !== (focus.new === null)) return;
        const end = address + player.geometry.span(level) * focus.count;
        if (end <= this.window.start || address >= this.window.end) return;
        const x0 = this.scale(address);
        const w = Math.max(4, this.scale(end) - x0);
        const x = w === 4 ? (x0 + this.scale(end)) / 2 - 2 : x0;
        this.g
            .append("rect")
            .attr("class", player.event.event === "warning" ? "s-lit s-dashed" : "s-lit")
            .attr("x", x)
            .attr("y", this.y - 3)
            .attr("width", w)
            .attr("height", ROW.height + 6)
            .attr("rx", 3);
        this.lit = { x: x + w / 2, y: this.y - 3 };
    }

    drawAxis() {
        const { geometry, frame } = this.player;
        const span = geometry.span(frame.unit);
        const { start, end } = this.window;
        const fit = Math.max(1, Math.floor((this.x1 - this.x0) / 118));
        const margin = 42 * this.perPixel;
        const step = span * Math.max(1, Math.ceil((end - start) / span / fit));
        const ticks = [];
        for (let at = Math.ceil((start + margin) / step) * step; at <= end - margin; at += step) ticks.push(at);
        this.g
            .append("g")
            .attr("class", "s-axis s-mono")
            .attr("transform", `translate(0,${this.y - 4})`)
            .call(axisBottom(this.scale).tickValues(ticks).tickFormat(hex).tickSizeOuter(0).tickSize(5));
        this.y += 22;
    }
}

function drawNames(svg, levels, y, geometry) {
    const g = svg.append("g");
    const name = (words, small, at) => {
        g.append("text")
            .attr("class", "s-row")
            .attr("x", 8)
            .attr("y", at + 10)
            .text(words);
        g.append("text")
            .attr("class", "s-small")
            .attr("x", 8)
            .attr("y", at + 22)
            .text(small);
    };
    name("Areas", "VMAs", y - AREA.height - AREA.gap);
    levels.forEach((level, i) =>
        name(LEVELS[level], `${size(geometry.span(level))} an entry`, y + i * (ROW.height + ROW.gap)),
    );
}

function drawPointer(svg, { x, y }) {
    svg.append("path")
        .attr("class", "s-pointer")
        .attr("d", `M${x - 6},${y - 9}h12l-6,8z`);
}

/* A cross over the arrow's end: it cannot go there. */
function drawCross(svg, { x, y }) {
    const cross = `M${x - 6},${y - 15}l12,12m0,-12l-12,12`;
    svg.append("path").attr("class", "s-arrow-halo").attr("d", cross);
    svg.append("path").attr("class", "s-cross").attr("d", cross);
}

/* From the lit entry of the source over to that of the destination, between two rows; @stopped: it would have gone. */
function drawArrow(svg, [from, to], id, stopped) {
    for (const pane of [from, to]) if (pane?.lit && !(from.lit && to?.lit)) drawPointer(svg, pane.lit);
    if (!from.lit || !to?.lit) return;
    const { x: a, y } = from.lit;
    const b = to.lit.x;
    const path = `M${a},${y} v-4 q0,-6 6,-6 H${b - 6} q6,0 6,6 v3`;
    svg.append("path").attr("class", "s-arrow-halo").attr("d", path);
    const arrow = svg.append("path").attr("class", stopped ? "s-arrow s-dashed" : "s-arrow").attr("d", path);
    if (stopped) drawCross(svg, to.lit);
    else arrow.attr("marker-end", `url(#${id}-arrow-lit)`);
}

export function drawPanes(svg, view, layout) {
    const levels = levelsShown(view.player);
    const panes = layout.panes.map((pane) => new Pane(svg, { ...view, id: layout.id }, pane, layout.y));

    for (const pane of panes) {
        pane.drawTitle(layout.two);
        pane.drawBrackets();
        pane.drawAreas();
        pane.rows = pane.y;
        levels.forEach((level) => pane.drawRow(level));
        pane.drawAxis();
    }
    drawNames(svg, levels, panes[0].rows, view.player.geometry);
    drawArrow(svg, panes, layout.id, view.player.event.event === "warning");
    layout.y = panes[0].y + 6;
}
