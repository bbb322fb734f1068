/* What the viewer makes of a trace, without a browser: read, refused, applied, taken back. */
import assert from "node:assert/strict";
import { parseTrace } from "../../tools/web/src/viewer-trace.js";
import { Player } from "../../tools/web/src/viewer-run.js";
import {
    apply,
    createGeometry,
    createState,
    difference,
    entryAt,
    runsIn,
    undo,
} from "../../tools/web/src/viewer-state.js";
import { sourceAround } from "../../tools/web/src/viewer-source.js";
import { entryWords, size } from "../../tools/web/src/viewer-words.js";
import { OLD, byWholeEntries, pageByPage, Trace } from "./traces.mjs";

const MIB = 2 ** 20;

const playerOf = (trace) => {
    const { events, problem } = parseTrace(trace.text);
    assert.equal(problem, null);
    return new Player(events);
};

/* The reason for which the trace with line @n (from 1) replaced by @line is refused. */
function refusal(n, line) {
    const lines = byWholeEntries().text.split("\n");
    lines[n - 1] = line;
    const { events, problem } = parseTrace(lines.join("\n"));
    assert.equal(problem?.line, n);
    assert.equal(events.length, n - 1);
    return problem.reason;
}

function malformedLines() {
    const step = { n: 5, event: "step", text: "", level: "PMD", old: "0x1000", new: "0x2000", entry: "0x27" };
    const json = (change) => JSON.stringify({ ...step, ...change });
    assert.match(refusal(6, '{"n":5,'), /^not JSON: /);
    assert.match(refusal(6, "17"), /an event is an object/);
    assert.match(refusal(6, json({ n: "5" })), /"n" is "5", it is to be the event's number/);
    assert.match(refusal(6, json({ n: 3 })), /event 3 follows event 4/);
    assert.match(refusal(6, json({ event: undefined })), /"event" is undefined/);
    assert.match(
        refusal(6, json({ level: "PXD" })),
        /"level" of "step" is "PXD", it is to be one of PTE, PMD, PUD, PGD/,
    );
    assert.match(refusal(6, json({ old: 4096 })), /"old" of "step" is 4096, it is to be an address such as/);
    assert.match(refusal(6, json({ entry: undefined })), /a "step" without "entry"/);
    assert.match(refusal(1, json({})), /a trace starts with "begin", this one with "step"/);
    assert.match(
        refusal(1, '{"n":0,"event":"begin","version":9,"levels":4,"bits":9,"page":4096}'),
        /version 9 of the format/,
    );
    assert.match(parseTrace("").problem.reason, /no event at all/);
}

function gapsAndUnknown() {
    const lines = byWholeEntries().lines;
    lines.splice(5, 2);
    const { problem, gaps } = parseTrace(lines.map((l) => JSON.stringify(l)).join("\n"));
    assert.equal(problem, null);
    assert.deepEqual(gaps, [{ line: 6, words: "events 5 to 6 are missing" }]);
    const more = byWholeEntries().add("mremap", "something-new", {}, "words of it");
    assert.equal(parseTrace(more.text).problem, null);
}

/* An array of events may lack `begin`. */
function eventsAsObjects() {
    const { events, problem } = parseTrace(byWholeEntries().lines.slice(1));
    assert.equal(problem, null);
    assert.equal(events[0].event, "begin");
    assert.equal(new Player(events).moves.length, 1);
}

function movesSubtree() {
    const player = playerOf(byWholeEntries());
    const { move } = player;
    assert.deepEqual([move.src.start, move.src.end], [OLD - MIB, OLD + 5 * MIB]);
    assert.deepEqual(move.sum, { entries: [0, 3, 0, 0], pages: 1280 });
    const mapped = (range) => runsIn(player.state, 0, range).reduce((sum, run) => sum + run.count, 0);
    const steps = player.stops.filter(({ event }) => player.events[event].event === "step");
    for (const [i, left] of [768, 256, 0].entries()) {
        player.go(player.stops.indexOf(steps[i]));
        assert.deepEqual([mapped(move.src), mapped(move.dst)], [left, 1280 - left], `after step ${i + 1}`);
    }
    player.go(player.length - 1);
    const pages = runsIn(player.state, 0, move.dst);
    assert.equal(
        pages.reduce((sum, run) => sum + run.count, 0),
        1280,
    );
    assert.equal(pages[0].start, move.new);
    assert.ok(pages.every((run) => run.move === 0));
    assert.deepEqual(runsIn(player.state, 0, move.src), []);
    assert.equal(entryAt(player.state, OLD, 2), null, "the emptied table is gone");
    assert.ok(player.state.vmas.some((vma) => vma.start === move.new && vma.end === move.new + 5 * MIB));
}

/* The tree as text, for comparing. */
function picture(state) {
    const words = (table) =>
        table.slots.map((e, i) => (e ? `${i}:${e.raw}${e.child ? `(${words(e.child)})` : ""}` : "")).join("");
    return words(state.root) + JSON.stringify(state.vmas);
}

function thereAndBack() {
    const player = playerOf(byWholeEntries());
    const pictures = [];
    for (let i = 0; i < player.length; i++) {
        player.go(i);
        pictures.push(picture(player.state));
    }
    assert.ok(new Set(pictures).size > 5);
    for (const i of [...pictures.keys()].reverse().concat([7, 2, 9, 0, 12])) {
        player.go(i);
        assert.equal(picture(player.state), pictures[i], `stop ${i} again`);
    }
}

/* A snapshot behind the events agrees with what they made; one that does not is found. */
function nextState() {
    const after = byWholeEntries();
    const told = byWholeEntries();
    const snapshot = (trace, change) => {
        const { state } = playerOf(trace);
        const player = playerOf(trace);
        player.go(player.length - 1);
        trace.add("state", "state-begin", {});
        for (const vma of player.state.vmas)
            trace.add("state", "state-vma", { ...vma, start: hex(vma.start), end: hex(vma.end) });
        for (let level = 3; level >= 0; level--)
            for (const run of runsIn(player.state, level, { start: 0, end: 2 ** 47 }))
                tellRun(trace, player.state, level, run, change);
        trace.add("state", "state-end", {});
        return state;
    };
    snapshot(after, (entry) => entry);
    assert.deepEqual(
        playerOf(after).snapshots.map((s) => s.difference),
        [null, null],
    );
    snapshot(told, (entry, level, address) => (level === 0 && address === 0x400000 ? entry + 4096n : entry));
    assert.match(playerOf(told).snapshots[1].difference, /entry of level 0 at 0x400000 has 0x\w+, the other 0x\w+/);
}

const hex = (value) => `0x${value.toString(16)}`;

function tellRun(trace, state, level, run, change) {
    for (let i = 0; i < run.count; i++) {
        const address = run.start + i * state.geometry.span(level);
        const { raw, kind } = entryAt(state, address, level);
        trace.add("state", "state-run", {
            level: ["PTE", "PMD", "PUD", "PGD"][level],
            address: hex(address),
            count: 1,
            entry: hex(change(raw, level, address)),
            points: kind,
            consecutive: false,
        });
    }
}

function setsAndFaults() {
    const geometry = createGeometry({ levels: 4, bits: 9, page: 4096 });
    const state = createState(geometry);
    const set = { event: "set", level: 0, address: 0x200000, entry: 0x5067n, count: 3, stride: 4096 };
    const journal = apply(state, set);
    assert.equal(entryAt(state, 0x202000, 0).raw, 0x7067n);
    const clear = apply(state, { ...set, entry: 0n, address: 0x201000, count: 1 });
    assert.equal(entryAt(state, 0x201000, 0), null);
    undo(clear);
    assert.equal(entryAt(state, 0x201000, 0).raw, 0x6067n);
    undo(journal);
    assert.equal(difference(state, createState(geometry)), null);
}

/* A table is taken out by its frame alone: its slot may hold another one by then. */
function tableGoneLate() {
    const state = createState(createGeometry({ levels: 4, bits: 9, page: 4096 }));
    apply(state, { event: "table-new", level: 0, address: 0x200000, frame: 0x9000n });
    apply(state, { event: "table-gone", level: 0, address: 0x200000, frame: 0x8000n });
    assert.equal(entryAt(state, 0x200000, 1).raw, 0x9027n);
    apply(state, { event: "table-gone", level: 0, address: 0x200000, frame: 0x9000n });
    assert.equal(entryAt(state, 0x200000, 1), null);
}

function hugeSplit() {
    const state = createState(createGeometry({ levels: 4, bits: 9, page: 4096 }));
    apply(state, { event: "set", level: 1, address: 0x200000, entry: 0x4000e7n });
    assert.equal(entryAt(state, 0x200000, 1).kind, "huge");
    apply(state, { event: "table-new", level: 0, address: 0x200000, frame: 0x9000n });
    assert.equal(entryAt(state, 0x203000, 0).raw, 0x403067n);
}

function areas() {
    const state = createState(createGeometry({ levels: 4, bits: 9, page: 4096 }));
    const bounds = () => state.vmas.map(({ start, end }) => [start, end]);
    apply(state, { event: "vma-insert", start: 0x1000, end: 0x5000, prot: "rw-p" });
    apply(state, { event: "vma-split", start: 0x1000, at: 0x2000, end: 0x5000 });
    apply(state, { event: "vma-resize", start: 0x1000, end: 0x5000, new_start: 0x1000, new_end: 0x2000 });
    apply(state, { event: "vma-insert", start: 0x2000, end: 0x5000, prot: "rw-p" });
    assert.deepEqual(bounds(), [
        [0x1000, 0x2000],
        [0x2000, 0x5000],
    ]);
    apply(state, { event: "vma-flags", start: 0x2000, end: 0x5000, prot: "r--p" });
    assert.equal(state.vmas[1].prot, "r--p");
    apply(state, { event: "vma-merge", start: 0x1000, at: 0x2000, end: 0x5000 });
    apply(state, { event: "vma-remove", start: 0x2000, end: 0x5000 });
    apply(state, { event: "vma-resize", start: 0x1000, end: 0x2000, new_start: 0x1000, new_end: 0x5000 });
    assert.deepEqual(bounds(), [[0x1000, 0x5000]]);
}

function folds() {
    const player = playerOf(pageByPage(1280));
    assert.ok(player.length > 1280 && player.groups.length < 25);
    assert.equal(player.move.sum.pages, 1280);
    player.go(player.groups[5].first + 5);
    assert.equal(player.neighbourGroup(-1), player.groups[5].first);
    assert.equal(player.neighbourGroup(1), player.groups[6].first);
}

function twoMoves() {
    const trace = byWholeEntries();
    const again = byWholeEntries().lines.slice(1);
    for (const line of again) trace.lines.push({ ...line, n: trace.lines.length });
    const player = playerOf(trace);
    assert.equal(player.moves.length, 2);
    const after = player.stops.filter(({ event }) => event > player.moves[0].last);
    assert.ok(after.every(({ move }) => move === 1));
    player.go(player.length - 1);
    assert.deepEqual(player.stop.sum, player.moves[1].sum);
}

function noMove() {
    const trace = new Trace().state([{ start: 0x400000, end: 0x500000 }]);
    trace.add("fault", "fault", { address: "0x400123", access: "write", result: "done" });
    const player = playerOf(trace);
    assert.equal(player.move, null);
    assert.ok(player.frame.window.start <= 0x400000 && player.frame.window.end >= 0x500000);
    assert.equal(player.frame.target, null);
}

function sources() {
    const text =
        "static __attribute__((noinline)) int f(int a)\n{\n    TRACE(X, .a = 1,\n          .b = 2);\n    return a;\n}\n";
    for (const line of [3, 4]) {
        const found = sourceAround({ "pt.c": text }, `pt.c:${line}`);
        assert.equal(found.name, "f");
        assert.deepEqual(
            found.lines.filter(({ lit }) => lit).map(({ number }) => number),
            [3, 4],
        );
    }
    assert.equal(sourceAround({ "pt.c": text }, "pt.c:99"), null);
    assert.equal(sourceAround({ "pt.c": text }, "other.c:1"), null);
}

function words() {
    assert.deepEqual([4096, 2 * MIB, 1.5 * 2 ** 30, 512].map(size), ["4 KiB", "2 MiB", "1.5 GiB", "512 bytes"]);
    assert.equal(entryWords(0x710027n, 1), "table of PTEs at frame 0x710, present, writable, user, accessed");
    assert.equal(
        entryWords(0x8000000000710065n, 0),
        "memory at frame 0x710, present, user, accessed, dirty, no-execute",
    );
}

export const tests = [
    ["a malformed line is refused: which, and why", malformedLines],
    ["missing events are told, unknown ones let through", gapsAndUnknown],
    ["events as objects, without a begin", eventsAsObjects],
    ["a PMD entry takes its pages along", movesSubtree],
    ["any stop, from any other", thereAndBack],
    ["events applied to a state give the next state", nextState],
    ["runs of entries are written and taken back", setsAndFaults],
    ["a table is taken out by its frame", tableGoneLate],
    ["a huge page is split", hugeSplit],
    ["areas come, go, split, merge", areas],
    ["like steps fold", folds],
    ["two moves in a run", twoMoves],
    ["a run without a move", noMove],
    ["the source of an event", sources],
    ["words for sizes and entries", words],
].map(([name, test]) => [name, async () => test()]);
