/*
 * An address space as a trace tells it: areas, and a tree of tables. Events change it, and each change can be taken
 * back, so that any step of a long run is a few small writes away from any other.
 *
 * A table is {level, slots, frame}: level of its entries, an array of entries or null. An entry is
 * {raw, kind, child, move}: kind "page", "huge", "held" or "table"; child for tables; move: number of the move that
 * brought it here, or -1. Entries are never changed, only replaced.
 */

const PRESENT = 1n;
const HUGE = 0x80n;
const FRAME = 0x000ffffffffff000n;
const TABLE_BITS = 0x27n; /* present, writable, user, accessed */

/* Sizes and indices of the levels, from `begin`. */
export function createGeometry({ levels, bits, page }) {
    const entries = 2 ** bits;
    const spans = Array.from({ length: levels + 1 }, (_, level) => page * entries ** level);
    const span = (level) => spans[level];
    return {
        levels,
        bits,
        page,
        entries,
        top: levels - 1,
        end: spans[levels] / 2 /* of user addresses */,
        span,
        floor: (address, level) => address - (address % span(level)),
        index: (address, level) => Math.floor(address / span(level)) % entries,
    };
}

const newTable = (geometry, level) => ({ level, slots: new Array(geometry.entries).fill(null), runs: null });

export function createState(geometry) {
    return { geometry, root: newTable(geometry, geometry.top), vmas: [], pending: null, move: -1 };
}

export const frameOf = (raw) => raw & FRAME;

function kindOf(raw, level) {
    if (level > 0 && !(raw & HUGE)) return "table";
    if (!(raw & PRESENT)) return "held";
    return level > 0 ? "huge" : "page";
}

function makeEntry(geometry, raw, level, move = -1) {
    const kind = kindOf(raw, level);
    return { raw, kind, child: kind === "table" ? newTable(geometry, level - 1) : null, move };
}

/* The entries of one level lower that the huge entry @entry is as good as. */
function splitHuge(geometry, entry, level) {
    const table = newTable(geometry, level - 1);
    const bits = level === 1 ? entry.raw & ~HUGE : entry.raw;
    for (let i = 0; i < geometry.entries; i++)
        table.slots[i] = makeEntry(geometry, bits + BigInt(i * geometry.span(level - 1)), level - 1, entry.move);
    return table;
}

/* ---- Changes, each recorded in @journal ---- */

function writeSlot(journal, table, index, entry) {
    journal.push({ table, index, before: table.slots[index] });
    table.slots[index] = entry;
    table.runs = null;
}

function writeField(journal, object, key, value) {
    journal.push({ object, key, before: object[key] });
    object[key] = value;
}

/* Takes back what @journal has recorded. */
export function undo(journal) {
    for (const { table, index, object, key, before } of journal.reverse()) {
        if (object) object[key] = before;
        else {
            table.slots[index] = before;
            table.runs = null;
        }
    }
}

/* The table that holds the @level entry of @address; made, with those above it, where a trace did not tell of it. */
function tableMade(state, journal, space, address, level) {
    const { geometry } = state;
    let table = space.root;

    for (let l = geometry.top; l > level; l--) {
        const index = geometry.index(address, l);
        if (table.slots[index]?.kind !== "table") {
            const child = table.slots[index] ? splitHuge(geometry, table.slots[index], l) : newTable(geometry, l - 1);
            writeSlot(journal, table, index, { raw: null, kind: "table", child, move: -1 });
        }
        table = table.slots[index].child;
    }
    return table;
}

function writeEntry(state, journal, space, address, level, entry) {
    writeSlot(journal, tableMade(state, journal, space, address, level), state.geometry.index(address, level), entry);
}

/* @count entries from @address on. What @stride adds from one to the next is not known where it is null. */
function writeRun(state, journal, space, { address, level, entry, count = 1 }, stride) {
    const { geometry } = state;
    for (let i = 0; i < count; i++) {
        const at = address + i * geometry.span(level);
        const made = entry ? makeEntry(geometry, entry + BigInt(i) * (stride ?? 0n), level) : null;
        if (made && i > 0 && stride === null) made.raw = null;
        writeEntry(state, journal, space, at, level, made);
    }
}

function applyStep(state, journal, { level, old, new: to, entry }) {
    const { geometry } = state;
    const from = tableMade(state, journal, state, old, level);
    const held = from.slots[geometry.index(old, level)];
    const child = held?.child ?? (kindOf(entry, level) === "table" ? newTable(geometry, level - 1) : null);

    writeSlot(journal, from, geometry.index(old, level), null);
    writeEntry(state, journal, state, to, level, { raw: entry, kind: kindOf(entry, level), child, move: state.move });
}

function applyTableNew(state, journal, { level, address, frame }) {
    const { geometry } = state;
    const table = tableMade(state, journal, state, address, level + 1);
    const index = geometry.index(address, level + 1);
    const before = table.slots[index];
    let child = before?.child ?? newTable(geometry, level);

    if (before?.kind === "huge") child = splitHuge(geometry, before, level + 1);
    writeSlot(journal, table, index, { raw: frameOf(frame) | TABLE_BITS, kind: "table", child, move: -1 });
}

/* Only while the slot still links this very table: a step may have put another entry there. */
function applyTableGone(state, journal, { level, address, frame }) {
    const entry = entryAt(state, address, level + 1);
    if (entry?.kind === "table" && (entry.raw === null || frameOf(entry.raw) === frameOf(frame)))
        writeEntry(state, journal, state, address, level + 1, null);
}

const byStart = (a, b) => a.start - b.start;
const isArea = (start, end) => (vma) => vma.start === start && vma.end === end;

function writeVmas(state, journal, gone, come) {
    const left = state.vmas.filter((vma) => !gone.includes(vma));
    const fresh = come.filter((vma) => !left.some(isArea(vma.start, vma.end)));
    writeField(journal, state, "vmas", [...left, ...fresh].sort(byStart));
}

/* A split and a merge are followed by the changes they consist of; told twice, those find nothing left to do. */
const VMA_CHANGES = {
    "vma-insert": (state, { start, end, prot = "", name = "" }) => [
        state.vmas.filter(isArea(start, end)),
        [{ start, end, prot, name: name ?? "" }],
    ],
    "vma-remove": (state, { start, end }) => [state.vmas.filter(isArea(start, end)), []],
    "vma-resize": (state, { start, end, new_start, new_end }) => {
        const gone = state.vmas.filter(isArea(start, end));
        return [gone, gone.map((vma) => ({ ...vma, start: new_start, end: new_end }))];
    },
    "vma-flags": (state, { start, end, prot = "" }) => {
        const gone = state.vmas.filter(isArea(start, end));
        return [gone, gone.map((vma) => ({ ...vma, prot }))];
    },
    "vma-split": (state, { start, at, end }) => {
        const gone = state.vmas.filter(isArea(start, end));
        return [
            gone,
            gone.flatMap((vma) => [
                { ...vma, end: at },
                { ...vma, start: at },
            ]),
        ];
    },
    "vma-merge": (state, { start, at, end }) => {
        const gone = state.vmas.filter((vma) => isArea(start, at)(vma) || isArea(at, end)(vma));
        return [gone, gone.length ? [{ ...gone[0], start, end }] : []];
    },
};

const CHANGES = {
    step: applyStep,
    "table-new": applyTableNew,
    "table-gone": applyTableGone,
    set: (state, journal, event) => writeRun(state, journal, state, event, BigInt(event.stride ?? 0)),
    move: (state, journal) => writeField(journal, state, "move", state.move + 1),
    "state-begin": (state, journal) =>
        writeField(journal, state, "pending", { root: newTable(state.geometry, state.geometry.top), vmas: [] }),
    "state-vma": (state, journal, { start, end, prot, name }) =>
        state.pending?.vmas.push({ start, end, prot, name: name ?? "" }),
    "state-run": (state, journal, event) => {
        if (!state.pending) return;
        const apart = event.points === "table" ? state.geometry.page : state.geometry.span(event.level);
        writeRun(state, [], state.pending, event, event.consecutive ? BigInt(apart) : null);
    },
    "state-end": (state, journal) => {
        if (!state.pending) return;
        writeField(journal, state, "root", state.pending.root);
        writeField(journal, state, "vmas", state.pending.vmas.sort(byStart));
        writeField(journal, state, "pending", null);
    },
};

/* Makes @event happen in @state. The journal that undo() takes back. */
export function apply(state, event) {
    const journal = [];
    if (VMA_CHANGES[event.event]) writeVmas(state, journal, ...VMA_CHANGES[event.event](state, event));
    else CHANGES[event.event]?.(state, journal, event);
    return journal;
}

/* ---- Looking ---- */

/* The table that holds the @level entry of @address, or null. */
export function tableAt(state, address, level) {
    const { geometry } = state;
    let table = state.root;

    for (let l = geometry.top; l > level && table; l--) table = table.slots[geometry.index(address, l)]?.child ?? null;
    return table;
}

export function entryAt(state, address, level) {
    return tableAt(state, address, level)?.slots[state.geometry.index(address, level)] ?? null;
}

/* Neighbouring entries of one kind that came by one move, as {index, count, kind, move, child}; tables one by one. */
export function runsOf(table) {
    if (table.runs) return table.runs;
    table.runs = [];
    table.slots.forEach((entry, index) => {
        if (!entry) return;
        const last = table.runs.at(-1);
        const joins = last && last.index + last.count === index && last.kind === entry.kind && last.move === entry.move;
        if (joins && !entry.child) last.count++;
        else table.runs.push({ index, count: 1, kind: entry.kind, move: entry.move, child: entry.child });
    });
    return table.runs;
}

function collectRuns(geometry, table, base, move, level, range, out) {
    const span = geometry.span(table.level);
    for (const run of runsOf(table)) {
        const start = base + run.index * span;
        const end = start + run.count * span;
        if (end <= range.start || start >= range.end) continue;
        const came = Math.max(run.move, move);
        if (table.level === level) out.push({ start, end, kind: run.kind, move: came, count: run.count });
        else if (run.child) collectRuns(geometry, run.child, start, came, level, range, out);
    }
}

/* The runs of @level entries that touch @range, by address; `move` of the latest move that brought them there. */
export function runsIn(state, level, range) {
    const out = [];
    collectRuns(state.geometry, state.root, 0, -1, level, range, out);
    return out;
}

/* Pages that @entry of @level maps. */
export function pagesOf(geometry, entry, level) {
    if (!entry) return 0;
    if (!entry.child) return geometry.entries ** level;
    return runsOf(entry.child).reduce(
        (sum, run) =>
            sum + (run.child ? pagesOf(geometry, run, level - 1) : run.count * geometry.entries ** (level - 1)),
        0,
    );
}

/* Tables and mapped pages in all. */
export function totals(state) {
    const count = { tables: 0, pages: 0 };
    const visit = (table) => {
        count.tables++;
        for (const run of runsOf(table)) {
            if (run.child) visit(run.child);
            else count.pages += run.count * state.geometry.entries ** table.level;
        }
    };
    visit(state.root);
    return count;
}

/* ---- Comparing ---- */

const MARKS = 0x60n; /* accessed, dirty: the processor sets them as it likes */

function entryDifference(a, b) {
    if (!a !== !b) return a ? `has ${a.kind}, the other nothing` : `has nothing, the other ${b.kind}`;
    if (!a) return null;
    if (a.kind !== b.kind) return `has ${a.kind}, the other ${b.kind}`;
    if (a.raw === null || b.raw === null || (a.raw & ~MARKS) === (b.raw & ~MARKS)) return null;
    return `has 0x${a.raw.toString(16)}, the other 0x${b.raw.toString(16)}`;
}

function tableDifference(geometry, a, b, base, level) {
    for (let i = 0; i < geometry.entries; i++) {
        const at = base + i * geometry.span(level);
        const words = entryDifference(a.slots[i], b.slots[i]);
        if (words) return `entry of level ${level} at 0x${at.toString(16)} ${words}`;
        const below = a.slots[i]?.child && tableDifference(geometry, a.slots[i].child, b.slots[i].child, at, level - 1);
        if (below) return below;
    }
    return null;
}

/* The first difference between two states in words, or null. Values that one of them does not know do not differ. */
export function difference(a, b) {
    const areas = (state) => state.vmas.map((v) => `${v.start.toString(16)}-${v.end.toString(16)} ${v.prot}`);
    const [left, right] = [areas(a), areas(b)];
    const i = left.findIndex((words, n) => words !== right[n]);

    if (i >= 0 || left.length !== right.length) {
        const n = i >= 0 ? i : left.length;
        return `area ${n} is ${left[n] ?? "not there"}, of the other ${right[n] ?? "not there"}`;
    }
    return tableDifference(a.geometry, a.root, b.root, 0, a.geometry.top);
}
