/* Words for sizes, addresses, entries and events, for somebody who sees page tables for the first time. */
import { LEVELS } from "./viewer-trace.js";
import { frameOf, totals } from "./viewer-state.js";

const UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB"];

/* 2097152: "2 MiB"; at most one digit behind the point. */
export function size(bytes) {
    let unit = 0;
    let value = bytes;
    while (value >= 1024 && unit < UNITS.length - 1) {
        value /= 1024;
        unit++;
    }
    return `${Number.isInteger(value) ? value : value.toFixed(value < 10 ? 1 : 0)} ${UNITS[unit]}`;
}

export const hex = (value) => `0x${value.toString(16)}`;
export const range = ({ start, end }) => `${hex(start)} – ${hex(end)}`;
export const number = (value) => value.toLocaleString("en-US").replaceAll(",", "\u202f");
export const plural = (count, one, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;

const BITS = [
    [0n, "present"],
    [1n, "writable"],
    [2n, "user"],
    [5n, "accessed"],
    [6n, "dirty"],
    [7n, "huge"],
    [9n, "held"],
    [63n, "no-execute"],
];

/* What @raw, an entry of @level, says: where it points and its bits. */
export function entryWords(raw, level) {
    if (raw === null) return "not known";
    if (raw === 0n) return "empty";
    const bits = BITS.filter(([bit, name]) => (raw >> bit) & 1n && !(level === 0 && name === "huge"));
    const points = level > 0 && !(raw & 0x80n) ? `table of ${LEVELS[level - 1]}s` : "memory";
    return `${points} at frame ${hex(frameOf(raw) >> 12n)}, ${bits.map(([, name]) => name).join(", ")}`;
}

const SIDE = {
    "old neighbour": "the source",
    "new neighbour": "the destination",
    both: "both the source and the destination",
};

function moveWords({ old, new: to, len }, { geometry }) {
    const apart = Math.abs(to - old);
    let level = geometry.top;
    while (level > 0 && apart % geometry.span(level)) level--;
    const offset = old % geometry.span(Math.max(level, 1));
    const why =
        level > 0
            ? `Both places sit ${offset ? `${size(offset)} into` : "at the start of"} a ${LEVELS[level]} entry's span of ` +
              `${size(geometry.span(level))}, so whole ${LEVELS[level]} entries may move.`
            : `They sit at different offsets in a PMD entry's span, so pages have to move one by one.`;
    return `The move: ${size(len)} from ${hex(old)} to ${hex(to)}. ${why}`;
}

function widenWords({ direction, level, old_before: before, old_after: after }) {
    const end = direction === "down" ? "start" : "end";
    const place = direction === "down" ? "below" : "above";
    return (
        `Nothing else lives in the ${size(Math.abs(after - before))} ${place}, in neither place: the ${end} moves out to the ` +
        `${LEVELS[level]} entry's edge, so that the whole entry can go.`
    );
}

function stepWords({ level, old, new: to }, { player, geometry }) {
    const span = geometry.span(level);
    const pages = player.stop.sum.pages - (player.stops[player.at - 1]?.sum.pages ?? 0);
    if (level === 0) return `One PTE moves: the page at ${hex(old)} is now the page at ${hex(to)}.`;
    const along = pages > 1 ? ` and takes ${plural(pages, "page")} along` : "";
    return `One ${LEVELS[level]} entry moves${along}, by a single write: the ${size(span)} at ${hex(old)} are now at ${hex(to)}.`;
}

function warningWords({ level, new: to }) {
    return (
        `Here Linux warned, in March 2023: the ${LEVELS[level]} entry could move whole, but its slot at ${hex(to)} is not ` +
        `empty. The steps before took the last page out of the table there, and left it linked. So it goes by ` +
        `${LEVELS[level - 1]}s; with realign=full that table would be freed, and the slot taken.`
    );
}

function movedWords(event, { player }) {
    const counts = ["pgd", "pud", "pmd", "pte"].map((name) => [event[name], name.toUpperCase()]).filter(([n]) => n > 0);
    const entries = counts.reduce((sum, [n]) => sum + n, 0);
    const { pages } = player.stop.sum;
    const list = counts.map(([n, name]) => `${number(n)} ${name}`).join(", ") || "nothing";
    const against =
        pages > entries
            ? ` Page by page it would have been ${plural(pages, "write")}.`
            : pages
              ? " That is page by page: no whole entry could go."
              : "";
    return `Done: ${list} moved.${against}`;
}

const fewArgs = (args) =>
    Array.isArray(args)
        ? args.map((arg) => (typeof arg === "number" && arg > 9 ? hex(arg) : String(arg))).join(", ")
        : "";

const AREA = ({ start, end, prot }) => `${size(end - start)} at ${hex(start)}${prot ? ` (${prot})` : ""}`;

const startWords = ({ program, realign }) =>
    `${program ? `A run of ${program}` : "A run"}${realign !== undefined ? `, with realign=${realign}` : ""}`;

const WORDS = {
    begin: (e) => `${startWords(e)}. Step on with the right arrow key.`,
    "state-end": (e, { player }) => {
        const { tables, pages } = totals(player.state);
        const what = `${plural(player.state.vmas.length, "area")}, ${plural(tables, "table")}, ${plural(pages, "page")} mapped`;
        return `${player.at ? "What is there now" : startWords(player.begin)}: ${what}. Areas are on top, below them the tables.`;
    },
    "vma-insert": (e) => `A new area: ${AREA(e)}. An area is a promise; pages come when they are touched.`,
    "vma-remove": (e) => `The area of ${AREA(e)} is gone.`,
    "vma-resize": (e) =>
        e.end - e.start === e.new_end - e.new_start
            ? `The area at ${hex(e.start)} is from now on the area at ${hex(e.new_start)}.`
            : `The area ${range(e)} becomes ${range({ start: e.new_start, end: e.new_end })}.`,
    "vma-split": (e) => `The area ${range(e)} is split at ${hex(e.at)}.`,
    "vma-merge": (e) => `Two areas that meet at ${hex(e.at)} are alike: they become one, ${range(e)}.`,
    call: ({ name, args }) => `The program calls ${name}(${fewArgs(args)}).`,
    return: ({ name, result }) =>
        `${name}() returns ${typeof result === "number" ? (result < 0 ? result : hex(result)) : (result ?? "")}.`,
    refused: ({ errno, words }) => `Refused, ${errno}: ${words}. Nothing has changed.`,
    move: moveWords,
    widen: widenWords,
    "not-widened": (e) =>
        `No widening ${e.direction} to the ${LEVELS[e.level]} entry's edge: ${SIDE[e.forbidden_by] ?? "one side"} has a ` +
        `neighbour in that span, whose pages would be dragged along.`,
    step: stepWords,
    warning: warningWords,
    moved: movedWords,
    "table-new": ({ level, address }, { geometry }) =>
        `A new, empty table of ${LEVELS[level]}s for the ${size(geometry.span(level + 1))} at ${hex(address)} is linked in.`,
    "table-emptied": ({ level, address }) =>
        `The table of ${LEVELS[level]}s at ${hex(address)} holds nothing any more, though its slot still links it.`,
    "table-gone": ({ level, address }) =>
        `The empty table of ${LEVELS[level]}s at ${hex(address)} is taken out of its slot, to be freed after the flush.`,
    set: ({ level, address, entry, count = 1 }) =>
        entry
            ? `${plural(count, `${LEVELS[level]} is`, `${LEVELS[level]}s are`)} written, from ${hex(address)} on.`
            : `${plural(count, `${LEVELS[level]} is`, `${LEVELS[level]}s are`)} cleared, from ${hex(address)} on.`,
    flush: ({ start, end, all }) =>
        all
            ? "The processor forgets all translations that it remembers (its TLB is flushed)."
            : `The processor forgets what it remembers of ${range({ start, end })} (a flush of its TLB).`,
    fault: ({ address, access, result }) =>
        `The program touches ${hex(address)} (${access}) and the processor asks the kernel: ${result}.`,
};

/* What @event means; @context has {player, geometry}, the player standing at the event. */
export function eventWords(event, context) {
    return WORDS[event.event]?.(event, context) ?? event.text;
}
