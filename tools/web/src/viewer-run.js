/*
 * A run, made from the events of a trace: where one can stop, which steps belong to which move, which fold into one
 * line, what was moved so far. Player stands at one stop and holds the state there.
 */
import { apply, createGeometry, createState, difference, entryAt, pagesOf, runsIn, undo } from "./viewer-state.js";

const FOLD_FROM = 4; /* like steps in a row that become one line */

/*
 * Stops are events, but a snapshot of the state, with a `begin` before it, is one stop in all. Of each {event, first,
 * move}: index of the event shown, index of the first event that happens on the way to it, index into `moves`.
 */
function findStops(events) {
    const stops = [];
    let first = 0;

    events.forEach(({ event }, i) => {
        const goesOn = ["state-begin", "state-vma", "state-run"].includes(event) && i + 1 < events.length;
        if (goesOn || (event === "begin" && events[i + 1]?.event === "state-begin")) return;
        stops.push({ event: i, first });
        first = i + 1;
    });
    return stops;
}

/* Events that end what one call did. */
const endsCall = ({ event }) => event === "return";

/* Where the call that moves at event @at began: at the state that it found, if that is told. */
function callOf(events, at, before) {
    let i = at;
    while (i - 1 > before && !["call", "state-end"].includes(events[i].event)) i--;
    if (events[i].event === "call" && events[i - 1]?.event === "state-end") i--;
    if (events[i].event === "state-end") while (i > 0 && events[i].event !== "state-begin") i--;
    return i;
}

/* Where what the move at event @at did is done: tables that go, the flush, the areas, the return. */
function endOf(events, at, last) {
    let i = at;
    while (i < last && events[i].event !== "moved") i++;
    while (i < last && /^(table|flush|vma|return)/.test(events[i + 1].event)) i++;
    return i;
}

/*
 * For each run of the move engine {first, call, at, end, last, ...}: events [first, last] are shown in its windows, `at`
 * is the event "move", [call, end] is what its call does. What comes before the first move, and what lies between two,
 * belongs to the next one.
 */
function findMoves(events) {
    const moves = [];

    events.forEach((event, at) => {
        if (event.event !== "move") return;
        const first = (moves.at(-1)?.last ?? -1) + 1;
        let last = at;
        while (last + 1 < events.length && !isNext(events, last + 1)) last++;
        const call = callOf(events, at, first - 1);
        const end = endOf(events, at, last);
        moves.push({ first, call, at, end, last, old: event.old, new: event.new, len: event.len, level: 0 });
    });
    moves.forEach((move) => measure(move, events));
    return moves;
}

/* Whether event @i is no longer the business of the call before it. */
function isNext(events, i) {
    const { event, name } = events[i];
    return (
        event === "move" ||
        event === "state-begin" ||
        endsCall(events[i - 1]) ||
        (event === "call" && name === "mremap")
    );
}

/* The range of the move as widened (by which events), and the highest level it moved entries at. */
function measure(move, events) {
    move.widened = {};
    move.src = { start: move.old, end: move.old + move.len };
    for (let i = move.at; i <= move.last; i++) {
        const { event, level, direction, old_after: after } = events[i];
        if (event === "widen") {
            move.src[direction === "down" ? "start" : "end"] = after;
            move.widened[direction] = i;
        }
        if (event === "step") move.level = Math.max(move.level, level);
    }
    move.delta = move.new - move.old;
    move.dst = { start: move.src.start + move.delta, end: move.src.end + move.delta };
}

/*
 * What both panes show of the address space: the move's range, some of what lies around it, snapped to entries of a
 * fitting level. Both are equally long, the new one lies `delta` away, so that like offsets stand at like places.
 */
function frameMove(move, geometry) {
    const extent = move.src.end - move.src.start;
    let level = geometry.top;

    while (level > 0 && geometry.span(level) > 4 * extent) level--;
    const unit = geometry.span(level);
    const pad = geometry.floor(Math.max(unit / 2, extent / 6, geometry.page), 0);
    const lo = geometry.floor(move.src.start, level) - pad;
    const hi = geometry.floor(move.src.end + unit - 1, level) + pad;
    move.unit = level;
    move.window = { start: Math.max(0, lo, -move.delta), end: Math.min(hi, geometry.end, geometry.end - move.delta) };
    move.target = { start: move.window.start + move.delta, end: move.window.end + move.delta };
}

/* The area that @event leaves behind, or null. */
function areaAfter({ event, start, end, new_start, new_end }) {
    if (event === "vma-resize") return { start: new_start, end: new_end };
    return event === "vma-insert" ? { start, end } : null;
}

/* The part of the address space that @event speaks of, or null. */
function placeOf({ event, start, end, address, level, count = 1, name, args }, geometry) {
    if (event === "set") return { start: address, end: address + Math.max(1, count) * geometry.span(level) };
    if (event === "fault") return { start: address, end: address + geometry.page };
    if (event === "call" && name === "mremap" && Array.isArray(args)) {
        const [at, bytes] = args.map(Number);
        return at < geometry.end && bytes > 0 ? { start: at, end: Math.min(geometry.end, at + bytes) } : null;
    }
    return event.startsWith("vma-") ? { start, end } : null;
}

/* Where no move is told of: the neighbourhood that most events speak of, with its areas, or the areas that are there. */
function frameNothing(events, state, geometry) {
    const places = events.map((event) => placeOf(event, geometry)).filter(Boolean);
    const ranges = (places.length ? places : state.vmas).map(({ start, end }) => ({ start, end, weight: 1 }));
    const near = [];

    for (const range of ranges.sort((a, b) => a.start - b.start)) {
        const last = near.at(-1);
        if (last && range.start - last.end <= Math.max(8 * geometry.span(1), last.end - last.start)) {
            last.end = Math.max(last.end, range.end);
            last.weight++;
        } else near.push(range);
    }
    const [most] = near.sort((a, b) => b.weight - a.weight);
    const src = most ?? { start: 0, end: 4 * geometry.span(1) };
    for (const { start, end } of state.vmas) {
        const small = end - start <= Math.max(8 * geometry.span(1), 4 * (src.end - src.start));
        if (small && start < src.end && end > src.start) {
            src.start = Math.min(src.start, start);
            src.end = Math.max(src.end, end);
        }
    }
    const move = { src, delta: 0 };
    frameMove(move, geometry);
    return { unit: move.unit, window: move.window, target: null };
}

/* Key of events that fold with like ones behind them; null: never. */
const foldKey = (event) => {
    if (event.event === "step") return `step ${event.level}`;
    if (event.event === "fault" || event.event === "set") return "touch"; /* pages come one by one, by a fault each */
    return event.event.startsWith("table-") ? `${event.event} ${event.level}` : null;
};

/* Groups {first, last} of stops that are shown as one line. */
function findGroups(events, stops) {
    const groups = [];
    for (let i = 0; i < stops.length;) {
        const key = foldKey(events[stops[i].event]);
        let last = i;
        while (key && last + 1 < stops.length && foldKey(events[stops[last + 1].event]) === key) last++;
        if (last - i + 1 < FOLD_FROM) last = i;
        groups.push({ first: i, last });
        i = last + 1;
    }
    groups.forEach((group, n) => {
        for (let i = group.first; i <= group.last; i++) stops[i].group = n;
    });
    return groups;
}

/* The address spaces that the trace tells of, those with the most steps first; none where it names none. */
export function spacesOf(events) {
    const weights = new Map();
    for (const { mm, event } of events)
        if (mm !== undefined) weights.set(mm, (weights.get(mm) ?? 0) + (event === "step" ? 1e6 : 1));
    return [...weights].sort((a, b) => b[1] - a[1]).map(([mm]) => mm);
}

/* The events of address space @mm, and those of none. */
export const inSpace = (events, mm) => events.filter((event) => event.mm === undefined || event.mm === mm);

export class Player {
    /* @events as parseTrace() gives them, with a `begin`. */
    constructor(events) {
        this.events = events;
        this.begin = events[0];
        this.geometry = createGeometry(this.begin);
        this.moves = findMoves(events);
        this.stops = findStops(events);
        for (const stop of this.stops) stop.move = this.moves.findIndex((move) => stop.event <= move.last);
        this.groups = findGroups(events, this.stops);
        this.moves.forEach((move) => frameMove(move, this.geometry));
        this.state = createState(this.geometry);
        this.journals = [];
        this.at = -1;
        this.#runOnce();
    }

    /* All events once, to count what moves; back to the first stop then. */
    #runOnce() {
        const { levels } = this.geometry;
        let sum = { entries: new Array(levels).fill(0), pages: 0 };

        this.snapshots = [];
        this.stops.forEach((stop, i) => {
            for (let e = stop.first; e <= stop.event; e++) {
                const event = this.events[e];
                if (event.event === "move") {
                    sum = { entries: new Array(levels).fill(0), pages: 0 };
                    this.#rememberBefore(stop);
                }
                if (event.event === "step") sum = this.#count(sum, event);
                if (event.event === "state-end") this.#compare(i);
                this.#apply(event);
            }
            stop.sum = sum;
            stop.journal = this.journals.length;
        });
        this.moves.forEach((move) => {
            const stop = this.stops.findLast?.(({ event }) => event <= move.last) ?? this.stops.at(-1);
            move.sum = stop.sum;
        });
        this.at = this.stops.length - 1;
        this.plain = frameNothing(this.events, this.state, this.geometry);
        this.go(0);
    }

    #apply(event) {
        this.journals.push(apply(this.state, event));
    }

    /* Whether what the events made is what a snapshot then says; the first snapshot has nothing to differ from. */
    #compare(stop) {
        const { pending } = this.state;
        if (pending && this.snapshots.length) {
            const told = {
                ...this.state,
                root: pending.root,
                vmas: [...pending.vmas].sort((a, b) => a.start - b.start),
            };
            this.snapshots.push({ stop, difference: difference(this.state, told) });
        } else if (pending) this.snapshots.push({ stop, difference: null });
    }

    /* What lay in the source when the move began, for the outlines of what has gone; areas, for the axis. */
    #rememberBefore({ event }) {
        const move = this.moves.find(({ at }) => at === event);
        if (!move) return;
        const come = this.events
            .slice(move.at, move.last + 1)
            .map(areaAfter)
            .filter(Boolean);
        move.areas = [...this.state.vmas, ...come];
        move.before = [];
        for (let level = 0; level < this.geometry.levels; level++)
            move.before.push(runsIn(this.state, level, move.src));
    }

    #count({ entries, pages }, { level, old }) {
        const entry = entryAt(this.state, old, level);
        const next = [...entries];
        next[level]++;
        return {
            entries: next,
            pages: pages + (entry ? pagesOf(this.geometry, entry, level) : this.geometry.entries ** level),
        };
    }

    /*
     * The areas of now; while a move goes on also those before and after it, so that the axis stays where it is from
     * step to step.
     */
    get areas() {
        const { move, stop, state } = this;
        return move && stop.event >= move.call && stop.event <= move.end ? [...state.vmas, ...move.areas] : state.vmas;
    }

    get length() {
        return this.stops.length;
    }

    get stop() {
        return this.stops[this.at];
    }

    /* The line of the trace that stands for stop @at; a snapshot's is its first, with the counts. */
    textOf(at) {
        const { event, first } = this.stops[at];
        const begin = this.events.slice(first, event).find((e) => e.event === "state-begin");
        return this.events[event].event === "state-end" && begin ? begin.text : this.events[event].text;
    }

    get event() {
        return this.events[this.stop.event];
    }

    /* The move that the current stop belongs to, or null. */
    get move() {
        const own = this.moves[this.stop.move];
        return own ?? this.moves.at(-1) ?? null;
    }

    /* What to show: windows of the source, and of the destination or null. */
    get frame() {
        return this.move ?? this.plain;
    }

    /* To stop @at, or the nearest there is. */
    go(at) {
        const to = Math.max(0, Math.min(this.stops.length - 1, Math.round(at) || 0));
        const wanted = this.stops[to].event + 1;
        while (this.journals.length > wanted) undo(this.journals.pop());
        while (this.journals.length < wanted) this.#apply(this.events[this.journals.length]);
        this.at = to;
        return to;
    }

    /* The stop where the first mremap that moves something begins: not exec's, of its stack. 0 where there is none. */
    get firstCall() {
        const isCall = ({ event, name }) => event === "call" && name === "mremap";
        const move = this.moves.find(({ call, at }) => this.events.slice(call, at).some(isCall));
        return move ? this.stops.findIndex(({ event }) => event >= move.call) : 0;
    }

    /* The first stop of the group before or behind the current one. */
    neighbourGroup(direction) {
        const { first } = this.groups[this.stop.group];
        if (direction < 0 && this.at > first) return first;
        const group = this.groups[this.stop.group + direction];
        return group ? group.first : direction < 0 ? 0 : this.length - 1;
    }
}
