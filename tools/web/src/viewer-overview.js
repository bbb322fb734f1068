/* The first band: all areas on one folded axis, and from there the cones down to what the panes show of it. */
import { foldedAxis } from "./viewer-axis.js";
import { hex, size } from "./viewer-words.js";

const BAND = 24;

/* The last part of an area's name, or its rights. */
export const areaName = ({ name, prot }) => (name ? String(name).split("/").at(-1) : prot || "");

export function areaSide({ start, end }, move) {
    if (!move) return "free";
    if (start < move.old + move.len && end > move.old) return "old";
    return start < move.new + move.len && end > move.new ? "new" : "free";
}

function drawAreas(g, vmas, axis, move, y) {
    const items = vmas.map((vma) => {
        const x0 = axis.scale(vma.start);
        return { vma, x0, w: Math.max(2, axis.scale(vma.end) - x0 - 1), side: areaSide(vma, move) };
    });
    const area = g.selectAll(null).data(items).join("g");
    area.append("rect")
        .attr("class", (d) => `s-area s-line-${d.side}`)
        .attr("x", (d) => d.x0)
        .attr("y", y)
        .attr("width", (d) => d.w)
        .attr("height", BAND)
        .append("title")
        .text(
            (d) =>
                `${hex(d.vma.start)} – ${hex(d.vma.end)} ${d.vma.prot} ${d.vma.name} (${size(d.vma.end - d.vma.start)})`,
        );
    area.filter((d) => d.w > areaName(d.vma).length * 6.4 + 8)
        .append("text")
        .attr("class", "s-label")
        .attr("x", (d) => d.x0 + d.w / 2)
        .attr("y", y + BAND / 2 + 4)
        .attr("text-anchor", "middle")
        .text((d) => areaName(d.vma));
}

function drawBreaks(g, axis, y) {
    const gap = g.selectAll(null).data(axis.gaps).join("g");
    const middle = ({ x0, x1 }) => (x0 + x1) / 2;
    gap.append("path")
        .attr("class", "s-break")
        .attr("d", (d) => `M${d.x0 + 2},${y + BAND} H${middle(d) - 6} l4,-7 l4,14 l4,-7 H${d.x1 - 2}`);
    gap.append("text")
        .attr("class", "s-small")
        .attr("x", middle)
        .attr("y", y + BAND - 12)
        .attr("text-anchor", "middle")
        .text((d) => size(d.bytes));
}

/* From the window's place in the axis at @y0 down to the pane's full width at @y1. */
function drawCone(g, axis, pane, y0, y1) {
    const a = axis.scale(pane.window.start);
    const b = Math.max(a + 3, axis.scale(pane.window.end));
    const [from, to] = [y0 + 18, y1 - 18];
    const side = (x, toX, up) =>
        up ? `C${x},${to} ${toX},${from} ${toX},${y0}` : `C${x},${from} ${toX},${to} ${toX},${y1}`;
    g.append("path")
        .attr("class", `s-cone s-cone-${pane.tone}`)
        .attr("d", `M${a},${y0} ${side(a, pane.x0)} H${pane.x1} ${side(pane.x1, b, -1)}Z`);
    g.append("rect")
        .attr("class", `s-window s-line-${pane.tone}`)
        .attr("x", a)
        .attr("y", y0 - BAND - 7)
        .attr("width", b - a)
        .attr("height", BAND + 7);
}

export function drawOverview(svg, { player }, layout) {
    const g = svg.append("g");
    const { frame, areas, state, move } = player;
    const windows = layout.panes.map(({ window }) => window);
    layout.panes.forEach((pane) => (pane.tone = layout.two ? pane.side : "free"));
    const axis = foldedAxis([...areas, ...windows], layout.left, layout.right);
    const top = layout.y + 8;
    const bottom = top + BAND;

    g.append("text")
        .attr("class", "s-row")
        .attr("x", 8)
        .attr("y", top + 11)
        .text("All addresses");
    g.append("text")
        .attr("class", "s-small")
        .attr("x", 8)
        .attr("y", top + 24)
        .text("long gaps folded");
    g.selectAll(null)
        .data(axis.clusters)
        .join("line")
        .attr("class", "s-axis")
        .attr("x1", (d) => d.x0)
        .attr("x2", (d) => d.x1)
        .attr("y1", bottom)
        .attr("y2", bottom);
    layout.panes.forEach((pane) => drawCone(g, axis, pane, bottom + 3, bottom + 56));
    drawBreaks(g, axis, top);
    drawAreas(g, state.vmas, axis, frame.target ? move : null, top);
    g.selectAll(null)
        .data(axis.clusters)
        .join("text")
        .attr("class", "s-mono s-halo")
        .attr("x", (d) => d.x0)
        .attr("y", bottom + 14)
        .text((d) => hex(d.start));
    layout.y = bottom + 56;
}
