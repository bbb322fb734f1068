/*
 * The map of the address space: rows of one scale, so that what has the same offset in a PMD entry's span stands at the
 * same place in its box. Dragging over free space maps an area, dragging an area moves it, dragging its end resizes it.
 */
import { scaleLinear } from "d3-scale";
import { useEffect, useRef, useState } from "preact/hooks";
import { commands } from "./play-words.js";
import { hex, rowsFor, sized, snapOf, tickStep } from "./play-space.js";

const HEIGHT = 66;
const TOP = 22;
const BOX = 34;
const EDGE = 4;
const GRIP = 10;
const HOW = "Drag over free space to map an area, an area to move it, its right end to resize it.";

const floorTo = (value, step) => Math.floor(value / step) * step;
const roundTo = (value, step) => Math.round(value / step) * step;
const within = (value, low, high) => Math.min(Math.max(value, low), high);

function useWidth() {
    const ref = useRef(null);
    const [width, setWidth] = useState(800);
    useEffect(() => {
        const observer = new ResizeObserver(([entry]) => setWidth(Math.max(280, entry.contentRect.width)));
        observer.observe(ref.current);
        return () => observer.disconnect();
    }, []);
    return [ref, width];
}

function Ruler({ row, x, width }) {
    const step = tickStep(row.end - row.start, Math.max(4, width / 12));
    const labels = tickStep(row.end - row.start, Math.max(2, Math.floor(width / 130)));
    const ticks = [];

    for (let at = Math.ceil(row.start / step) * step; at <= row.end; at += step) ticks.push(at);
    return (
        <g class="p-ruler">
            {ticks.map((at) => (
                <line key={at} x1={x(at)} x2={x(at)} y1={TOP - (at % labels ? 0 : 5)} y2={TOP + BOX + EDGE} />
            ))}
            {ticks
                .filter((at) => at % labels === 0 && x(at) < width - 60)
                .map((at) => (
                    <text key={at} x={x(at) + 3} y={TOP - 8}>
                        {hex(at)}
                    </text>
                ))}
        </g>
    );
}

/* The part of @range that @row shows, as left edge and width; null when there is none. */
function visible(range, row, x) {
    if (range.end <= row.start || range.start >= row.end) return null;
    const left = x(Math.max(range.start, row.start));
    return { left, width: Math.max(3, x(Math.min(range.end, row.end)) - left) };
}

function Area({ area, box, chosen, onChoose, onKey }) {
    const size = sized(area.end - area.start);
    const words = `${area.name || area.prot} ${size}`;
    const label = [words, size].find((text) => box.width > 8 * text.length + GRIP);
    return (
        <g
            class={chosen ? "p-area p-chosen" : "p-area"}
            role="button"
            tabIndex={0}
            aria-pressed={chosen}
            aria-label={`area ${hex(area.start)} to ${hex(area.end)}, ${words}`}
            data-area={area.start}
            onFocus={onChoose}
            onKeyDown={onKey}
        >
            <title>{`${hex(area.start)} – ${hex(area.end)}, ${words}`}</title>
            <rect class="p-body" x={box.left} y={TOP + EDGE} width={box.width} height={BOX - EDGE} rx={2} />
            {label && (
                <text x={box.left + 6} y={TOP + 20}>
                    {label}
                </text>
            )}
            {box.width > 3 * GRIP && (
                <rect class="p-grip" x={box.left + box.width - GRIP} y={TOP + EDGE} width={GRIP} height={BOX - EDGE} />
            )}
        </g>
    );
}

function Row({ row, width, space, drag, chosen, ...on }) {
    const x = scaleLinear().domain([row.start, row.end]).range([0, width]);
    const ghost = drag?.range && visible(drag.range, row, x);
    const boxes = (ranges) => ranges.map((range) => [range, visible(range, row, x)]).filter(([, box]) => box);

    return (
        <svg
            class="p-row"
            data-row={row.start}
            width={width}
            height={HEIGHT}
            role="group"
            aria-label={`from ${hex(row.start)}`}
        >
            <rect class="p-free" x={0} y={TOP} width={width} height={BOX + EDGE} />
            <Ruler row={row} x={x} width={width} />
            {boxes(space.was).map(([area, box]) => (
                <rect key={area.start} class="p-was" x={box.left} y={TOP + EDGE} width={box.width} height={BOX - EDGE}>
                    <title>was here before this command</title>
                </rect>
            ))}
            {boxes(space.areas).map(([area, box]) => (
                <Area
                    key={area.start}
                    area={area}
                    box={box}
                    chosen={chosen === area.start}
                    onChoose={() => on.onChoose(area)}
                    onKey={(event) => on.onKey(event, area)}
                />
            ))}
            {boxes(space.pages).map(([pages, box]) => (
                <rect
                    key={pages.start}
                    class={pages.level === "PTE" ? "p-pages" : "p-pages p-huge"}
                    x={box.left}
                    y={TOP + BOX - 6}
                    width={box.width}
                    height={6}
                />
            ))}
            {ghost && <rect class="p-ghost" x={ghost.left} y={TOP + 1} width={ghost.width} height={BOX + 2} />}
        </svg>
    );
}

/* ---- Dragging ---- */

/* What a drag from @from to @to says: {range, line}, or nothing yet. */
function readDrag({ kind, area, from }, to, snap) {
    if (kind === "map") {
        const start = floorTo(Math.min(from, to), snap);
        const end = floorTo(Math.max(from, to), snap) + snap;
        return { range: { start, end }, line: commands.map(start, end - start) };
    }
    if (kind === "resize") {
        const end = Math.max(area.start + snap, roundTo(to, snap));
        const range = { start: area.start, end };
        return end === area.end ? { range } : { range, line: commands.resize(area, end - area.start) };
    }
    const by = roundTo(to - from, snap);
    const start = Math.max(0, area.start + by);
    const range = { start, end: start + area.end - area.start };
    return start === area.start ? { range } : { range, line: commands.move(area, start) };
}

export function AreaMap({ space, extra, chosen, disabled, onChoose, onCommand, onType }) {
    const [ref, width] = useWidth();
    const [drag, setDrag] = useState(null);
    const { rows, hidden } = rowsFor([...space.areas, ...space.was], [...extra, ...space.seen]);
    const snap = snapOf((rows[0].end - rows[0].start) / width);

    /* The address below the pointer: of the row that is nearest. */
    function addressAt(event) {
        const boxes = [...ref.current.querySelectorAll("svg")].map((svg) => svg.getBoundingClientRect());
        const away = boxes.map((box) => Math.max(box.top - event.clientY, event.clientY - box.bottom, 0));
        const i = away.indexOf(Math.min(...away));
        const at = (event.clientX - boxes[i].left) / boxes[i].width;
        return rows[i].start + within(at, 0, 1) * (rows[i].end - rows[i].start - 1);
    }

    function begin(event) {
        if (disabled || event.button !== 0 || !event.target.closest("svg")) return;
        const holder = event.target.closest("[data-area]");
        const area = holder && space.areas.find(({ start }) => start === +holder.dataset.area);
        const kind = !area ? "map" : event.target.classList.contains("p-grip") ? "resize" : "move";
        ref.current.setPointerCapture(event.pointerId);
        if (area) holder.focus();
        else event.preventDefault();
        setDrag({ kind, area, from: addressAt(event), x: event.clientX, y: event.clientY, moved: false });
    }

    function go(event) {
        if (!drag) return;
        const moved = drag.moved || Math.hypot(event.clientX - drag.x, event.clientY - drag.y) > 4;
        const coarse = event.shiftKey ? Math.max(snap, 2 ** 21) : snap;
        if (moved) setDrag({ ...drag, moved, line: undefined, ...readDrag(drag, addressAt(event), coarse) });
    }

    function end() {
        if (drag?.moved && drag.line) onCommand(drag.line);
        else if (drag && !drag.area) onChoose(null);
        setDrag(null);
    }

    function key(event, area) {
        const act = { p: commands.populate(area), Delete: commands.unmap(area) }[event.key];
        if (event.key === "Enter") onType(commands.move(area, "").trimEnd() + " ");
        else if (act) onCommand(act);
        else return;
        event.preventDefault();
    }

    useEffect(() => {
        const cancel = (event) => event.key === "Escape" && setDrag(null);
        addEventListener("keydown", cancel);
        return () => removeEventListener("keydown", cancel);
    }, []);

    return (
        <div
            class="p-map"
            ref={ref}
            onPointerDown={begin}
            onPointerMove={go}
            onPointerUp={end}
            onPointerCancel={() => setDrag(null)}
        >
            {rows.map((row) => (
                <Row
                    key={row.start}
                    {...{ row, width, space, drag, chosen }}
                    onChoose={(area) => onChoose(area.start)}
                    onKey={key}
                />
            ))}
            <p class="p-hint" role="status">
                {drag?.line ? <code>{drag.line}</code> : null}
                {hidden ? ` ${hidden} more areas lie beyond these rows.` : null}
                {!drag?.line && !hidden
                    ? `Each row is ${sized(rows[0].end - rows[0].start)}. ${HOW}`
                    : null}
            </p>
        </div>
    );
}
