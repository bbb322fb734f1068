/*
 * What the kernel's trace says is all there is to know: the events of a command, applied to the state before it, give
 * the state after it. For the scenes, and for commands at random.
 */
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Engine } from "../../tools/web/src/play-engine.js";
import { readScene } from "../../tools/web/src/play-scene.js";
import { apply, createGeometry, createState, difference } from "../../tools/web/src/viewer-state.js";
import { parseTrace } from "../../tools/web/src/viewer-trace.js";

/* The state that @events, the first of them `begin`, lead to from nothing. */
function stateOf(events) {
    const { events: read, problem } = parseTrace(events);
    if (problem) throw problem;
    const state = createState(createGeometry(read[0]));
    for (const event of read) apply(state, event);
    return state;
}

/* Gives @lines to @engine, comparing after each. The number of events. */
function compare(engine, lines) {
    let before = engine.look();
    let count = 0;

    for (const line of lines) {
        const outcome = engine.run(line);
        assert.equal(outcome.panic, null, line);
        assert.equal(outcome.misread, null, line);
        const words = difference(stateOf([...before, ...outcome.events]), stateOf(outcome.state));
        assert.equal(words, null, `${line}: by its events, ${words}; of ${lines.join("; ")}`);
        before = outcome.state;
        count += outcome.events.length;
    }
    return count;
}

/* xorshift: the same numbers in each run. */
function randomOf(seed) {
    let x = seed >>> 0 || 1;
    return (below) => {
        x ^= x << 13;
        x ^= x >>> 17;
        x ^= x << 5;
        return (x >>> 0) % below;
    };
}

/* Places and lengths around the edges of PMD and PUD entries, so that calls meet each other. */
function randomLine(random) {
    const MIB = 2 ** 20;
    const pick = (list) => list[random(list.length)];
    const place = () => 2 ** 30 * random(3) + 2 * MIB * (1 + random(4)) + pick([0, 0, 4096, MIB, MIB + 4096]);
    const length = () => pick([4096, 8192, MIB, 2 * MIB, 2 * MIB + 4096, 3 * MIB]);
    const rights = () => pick(["r", "rw", "rw", "rx", "none"]);
    const old = length();
    return pick([
        () => `mmap ${place()} ${length()} ${rights()} ${pick(["private", "shared", "over", "over,shared", "growsdown"])}`,
        () => `mmap ${place()} ${length()} rw over`,
        () => `populate ${place()} ${length()} ${pick([4096, MIB, 3 * 4096])}`,
        () => `populate ${place()} ${length()}`,
        () => `munmap ${place()} ${length()}`,
        () => `mprotect ${place()} ${length()} ${rights()}`,
        () => `madvise ${place()} ${length()} ${pick(["dontneed", "hugepage", "nohugepage", "populate_read"])}`,
        () => `mremap ${place()} ${old} ${pick([old, length()])} ${pick(["none", "maymove"])}`,
        () => `mremap ${place()} ${old} ${old} maymove,fixed ${place()}`,
        () => `mremap ${place()} ${old} ${old} maymove,dontunmap ${place()}`,
        () => `mremap ${place()} ${old} ${pick([old, length()])} maymove,fixed ${place()}`,
        () => `realign ${pick(["off", "pmd", "full", "full"])}`,
        () => `thp ${pick(["never", "madvise", "always"])}`,
    ])();
}

const engineOf = (t) => new Engine(readFileSync(join(t.build, "web/realign.wasm")));

function scenes(t) {
    const engine = engineOf(t);
    const directory = join(t.root, "user/scenes");
    for (const name of readdirSync(directory).filter((file) => file.endsWith(".scene"))) {
        engine.restart();
        compare(engine, readScene({ name, text: readFileSync(join(directory, name), "utf8") }).lines);
    }
}

function atRandom(t) {
    const engine = engineOf(t);
    const runs = Number(process.env.REPLAY_RUNS ?? 12);
    const first = Number(process.env.REPLAY_SEED ?? 1);
    for (let seed = first; seed < first + runs; seed++) {
        const random = randomOf(seed * 2654435761);
        engine.restart();
        compare(
            engine,
            Array.from({ length: 30 }, () => randomLine(random)),
        );
    }
}

export const tests = [
    ["events give the next state: the scenes", async (t) => scenes(t)],
    ["events give the next state: commands at random", async (t) => atRandom(t)],
];
