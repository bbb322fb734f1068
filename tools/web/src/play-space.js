/*
 * What the map of the address space shows, from the events that tell of a state: areas, which parts of them have pages,
 * and the stretches of the address space that are worth a row of the map.
 */

export const PAGE = 4096;
export const MIB = 2 ** 20;
export const GIB = 2 ** 30;
export const END = 2 ** 47;
const PMD = 2 * MIB;
const MOST_ROWS = 8;

/* {areas: [{start, end, prot, name}], pages: [{start, end, level}]}, by address; pages that lie side by side are one. */
export function readState(events) {
    const areas = [];
    const pages = [];
    const spans = { PTE: PAGE, PMD, PUD: GIB, PGD: 512 * GIB };

    for (const event of events) {
        if (event.event === "state-vma")
            areas.push({ start: +event.start, end: +event.end, prot: event.prot, name: event.name ?? "" });
        if (event.event === "state-run" && event.points !== "table") {
            const start = +event.address;
            const end = start + event.count * spans[event.level];
            const last = pages.at(-1);
            if (last && last.end === start && last.level === event.level) last.end = end;
            else pages.push({ start, end, level: event.level });
        }
    }
    return { areas, pages };
}

const down = (address, grain) => Math.floor(address / grain) * grain;

/* Rows start at multiples of this, so that the spans of entries lie one below the other in them. */
const grainOf = (length) => (length >= 4 * GIB ? GIB : Math.max(PMD, length / 16));

/* How long all rows are, so that the longest of @ranges fits with room beside it. */
function rowLength(ranges) {
    const longest = Math.max(0, ...ranges.map(({ start, end }) => end - start));
    let length = 16 * MIB;
    while (length - 2 * grainOf(length) < longest) length *= 2;
    return length;
}

function rowAt(address, length) {
    const grain = grainOf(length);
    const start = down(address, grain) - (address % grain < grain / 4 ? grain : 0);
    const from = Math.min(Math.max(0, start), END - length);
    return { start: from, end: from + length };
}

const byStart = (a, b) => a.start - b.start;

/*
 * {rows: [{start, end}], hidden}: rows that show @ranges and, as far as there is room, @more of them, all of one length
 * and by address; how many of @ranges found no place in the few rows that there may be.
 */
export function rowsFor(ranges, more = []) {
    const length = rowLength(ranges);
    const rows = [];
    const lacks = ({ start, end }) => !rows.some((row) => start >= row.start && end <= row.end);
    const place = (range) => {
        if (lacks(range) && rows.length < MOST_ROWS) rows.push(rowAt(range.start, length));
    };

    [...ranges].sort(byStart).forEach(place);
    [...more].sort(byStart).forEach(place);
    if (!rows.length) rows.push(rowAt(0, length));
    const unseen = ({ start, end }) => !rows.some((row) => start < row.end && end > row.start);
    return { rows: rows.sort(byStart), hidden: ranges.filter(unseen).length };
}

/* Steps of @length bytes that a ruler marks: the smallest of a few that leaves @most of them or fewer. */
export function tickStep(length, most) {
    let step = PMD;
    while (length / step > most) step *= 2;
    return step;
}

/* Bytes that dragging goes by, where a pixel stands for @bytes: some pixels' worth, as a power of two. */
export const snapOf = (bytes) => Math.max(PAGE, 2 ** Math.floor(Math.log2(bytes * 20)));

export const hex = (value) => `0x${value.toString(16)}`;

/* A length as it is typed: 5M, 12K, 0x1234. */
export function typed(bytes) {
    for (const [unit, size] of [
        ["G", GIB],
        ["M", MIB],
        ["K", 1024],
    ])
        if (bytes && bytes % size === 0) return `${bytes / size}${unit}`;
    return hex(bytes);
}

/* A length in words: 5 MiB, 1.5 GiB. */
export function sized(bytes) {
    for (const [unit, size] of [
        ["TiB", 2 ** 40],
        ["GiB", GIB],
        ["MiB", MIB],
        ["KiB", 1024],
    ])
        if (bytes >= size) return `${+(bytes / size).toFixed(2)} ${unit}`;
    return `${bytes} bytes`;
}
