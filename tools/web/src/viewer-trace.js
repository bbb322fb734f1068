/*
 * A trace as the kernel writes it to its second serial port: JSON lines, one event each, numbered, the first one
 * `begin`. Read here, checked field by field, and refused with the line and the reason.
 *
 * In the events that come out addresses are numbers (user addresses have 47 bits, a number holds 53) and entries are
 * BigInts.
 */

export const LEVELS = ["PTE", "PMD", "PUD", "PGD"];

/* Whether @event speaks of one entry and of the slot it moves to, or could not move to. */
export const movesEntry = ({ event }) => event === "step" || event === "warning";

const HEX = /^0x[0-9a-f]{1,16}$/i;
const text = { is: (v) => typeof v === "string", words: "a string" };
const count = { is: (v) => Number.isSafeInteger(v) && v >= 0, words: "a number from 0 on" };
const number = { is: (v) => Number.isFinite(v), words: "a number" };
const flag = { is: (v) => typeof v === "boolean" || v === 0 || v === 1, words: "true or false" };
const level = { is: (v) => LEVELS.includes(v), words: "one of PTE, PMD, PUD, PGD", read: (v) => LEVELS.indexOf(v) };
const address = { is: (v) => HEX.test(v), words: 'an address such as "0x1000"', read: Number };
const entry = { is: (v) => HEX.test(v), words: 'an entry such as "0x710027"', read: BigInt };
const any = { is: () => true, words: "" };
const optional = (type) => ({ ...type, optional: true });

const widened = { direction: text, level };

/* The fields of each event. What it has beyond them is let through, and so are events of other names, for their text. */
const EVENTS = {
    begin: { version: count, levels: count, bits: count, page: count, realign: optional(any), program: optional(any) },
    "vma-insert": { start: address, end: address, prot: optional(text), name: optional(any) },
    "vma-remove": { start: address, end: address },
    "vma-resize": { start: address, end: address, new_start: address, new_end: address },
    "vma-flags": { start: address, end: address, prot: optional(text) },
    "vma-split": { start: address, at: address, end: address },
    "vma-merge": { start: address, at: address, end: address },
    call: { name: text, args: optional(any) },
    return: { name: text, result: optional(any) },
    refused: { errno: number, words: text },
    move: { old: address, new: address, len: count },
    widen: { ...widened, old_before: address, old_after: address, new_before: address, new_after: address },
    "not-widened": { ...widened, forbidden_by: optional(text) },
    step: { level, old: address, new: address, span: optional(count), entry, slot_before: optional(entry) },
    warning: { level, old: address, new: address, entry, slot_before: entry },
    moved: { pte: count, pmd: count, pud: count, pgd: count },
    "table-new": { level, address, frame: entry },
    "table-emptied": { level, address, frame: entry },
    "table-gone": { level, address, frame: entry },
    set: { level, address, entry, before: optional(entry), count: optional(count), stride: optional(number) },
    flush: { start: address, end: address, all: optional(flag) },
    fault: { address, access: any, result: any },
    "state-begin": {},
    "state-vma": { start: address, end: address, prot: text, name: optional(any) },
    "state-run": { level, address, count, entry, points: text, consecutive: optional(flag) },
    "state-end": {},
};

const VERSION = 1;

/* What is wrong with the trace, at which line, counted from 1. */
export class TraceProblem extends Error {
    constructor(line, reason, content) {
        super(`line ${line}: ${reason}`);
        Object.assign(this, { line, reason, content });
    }
}

const shown = (value) => {
    const words = JSON.stringify(value) ?? String(value);
    return words.length > 40 ? `${words.slice(0, 40)}…` : words;
};

/* @raw with its fields checked and read, or the reason why not is thrown as a string. */
function readEvent(raw) {
    if (raw === null || typeof raw !== "object" || Array.isArray(raw))
        throw `an event is an object {"n":…, "event":…}, this is ${shown(raw)}`;
    if (!count.is(raw.n)) throw `"n" is ${shown(raw.n)}, it is to be the event's number`;
    if (!text.is(raw.event)) throw `"event" is ${shown(raw.event)}, it is to be the event's name`;
    const fields = Object.hasOwn(EVENTS, raw.event) ? EVENTS[raw.event] : { text };
    const event = { text: raw.event, kind: "", source: "", ...raw };
    for (const [name, type] of Object.entries(fields)) {
        if (raw[name] === undefined) {
            if (type.optional) continue;
            throw `a "${raw.event}" without "${name}"`;
        }
        if (!type.is(raw[name])) throw `"${name}" of "${raw.event}" is ${shown(raw[name])}, it is to be ${type.words}`;
        if (type.read) event[name] = type.read(raw[name]);
    }
    return event;
}

function checkGeometry({ version, levels, bits, page }) {
    if (version !== VERSION) throw `this is version ${version} of the format; version ${VERSION} is known here`;
    if (levels < 1 || levels > LEVELS.length || bits < 1 || bits > 9 || page !== 4096)
        throw `${levels} levels of ${bits} bits with pages of ${page} bytes are not known here`;
}

/* Checks what an event alone does not tell: it comes after those before it, and the first is `begin`. */
function checkOrder(event, before) {
    if (!before) {
        if (event.event !== "begin") throw `a trace starts with "begin", this one with "${event.event}"`;
        checkGeometry(event);
        return null;
    }
    if (event.event === "begin") throw `"begin" a second time: are these two traces?`;
    if (event.n <= before.n) throw `event ${event.n} follows event ${before.n}`;
    return event.n > before.n + 1 ? `events ${before.n + 1} to ${event.n - 1} are missing` : null;
}

function readLine(line) {
    try {
        return JSON.parse(line);
    } catch (error) {
        throw `not JSON: ${error.message}`;
    }
}

/* What stands at the head of a trace that has no `begin`, which only an array of events may lack. */
const DEFAULT_BEGIN = {
    n: 0,
    event: "begin",
    text: "begin",
    kind: "state",
    source: "",
    version: VERSION,
    levels: 4,
    bits: 9,
    page: 4096,
};

/*
 * @source: the text of a trace, or an array of events as JSON.parse makes them. It never throws: all events up to the
 * first malformed line come out, with that line in `problem`, or null; `gaps` has {line, words} where numbers of events
 * are missing.
 */
export function parseTrace(source) {
    const lines = typeof source === "string" ? source.split("\n") : source;
    const result = { events: [], problem: null, gaps: [] };

    if (lines !== source || lines[0]?.event === "begin") result.events = [];
    else result.events = [{ ...DEFAULT_BEGIN, n: (lines[0]?.n ?? 0) - 1 }];

    for (let i = 0; i < lines.length; i++) {
        if (typeof lines[i] === "string" && lines[i].trim() === "") continue;
        try {
            const event = readEvent(typeof lines[i] === "string" ? readLine(lines[i]) : lines[i]);
            const words = checkOrder(event, result.events.at(-1));
            if (words) result.gaps.push({ line: i + 1, words });
            result.events.push(event);
        } catch (reason) {
            if (typeof reason !== "string") throw reason;
            result.problem = new TraceProblem(i + 1, reason, lines[i]);
            return result;
        }
    }
    if (result.events.length === 0) result.problem = new TraceProblem(1, "there is no event at all", "");
    return result;
}
