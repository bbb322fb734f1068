/* mm/ in WebAssembly, without a page around it: what commands lead to, and sessions of them. */
import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Engine } from "../../tools/web/src/play-engine.js";
import { Session, fromLink, toLink } from "../../tools/web/src/play-session.js";
import { readScene } from "../../tools/web/src/play-scene.js";
import { MIB, readState, rowsFor, typed } from "../../tools/web/src/play-space.js";
import { summary } from "../../tools/web/src/play-words.js";

const engineOf = (t) => new Engine(readFileSync(join(t.build, "web/realign.wasm")));

function scenesOf(t) {
    const directory = join(t.root, "user/scenes");
    const names = readdirSync(directory).filter((name) => name.endsWith(".scene"));
    return names.sort().map((name) => readScene({ name, text: readFileSync(join(directory, name), "utf8") }));
}

/* The outcomes of @lines in a new address space; none of them may be misread or break an invariant. */
function outcomesOf(engine, lines) {
    engine.restart();
    return lines.map((line) => {
        const outcome = engine.run(line);
        assert.equal(outcome.misread, null, line);
        assert.equal(outcome.panic, null, line);
        return outcome;
    });
}

const spaceOf = (outcome) => readState(outcome.state);

/* What the moves of each scene must take. */
const MOVED = {
    "1-warning": ["moved 1280 PTE, 1 warning"],
    "2-stack": ["moved 3 PMD"],
    "3-linus": ["refused: old and new range overlap (-EINVAL)", "moved 2 PMD"],
    "4-dddd": ["moved 256 PTE"],
    "5-free-below": ["moved 3 PMD"],
    "6-preamble": ["moved 2 PMD, 256 PTE"],
    "7-tail": ["moved 2 PMD, 256 PTE", "moved 3 PMD"],
    "8-pud": ["moved 4 PUD"],
    "9-holes": ["moved 4 PMD", "moved 4 PTE"],
};

export const tests = [
    [
        "each scene moves by the entries it is about",
        async (t) => {
            const engine = engineOf(t);
            const moved = scenesOf(t).map(({ name, lines }) => {
                const outcomes = outcomesOf(engine, lines).filter(({ line }) => /^(mremap|shift)/.test(line));
                return [name.replace(".scene", ""), outcomes.map(summary)];
            });
            for (const [name, words] of moved) if (MOVED[name]) assert.deepEqual(words, MOVED[name], name);
            assert.deepEqual(Object.keys(MOVED).filter((name) => !moved.some(([other]) => other === name)), []);
        },
    ],
    [
        "an area of 5000 pages: mapped, filled, moved to an address beyond 32 bits",
        async (t) => {
            const last = outcomesOf(engineOf(t), [
                "mmap 0x7f0000100000 20000K rw",
                "populate 0x7f0000100000 20000K",
                "mremap 0x7f0000100000 20000K 20000K maymove,fixed 0x600080100000",
            ]).at(-1);
            assert.equal(last.note, "= 0x600080100000");
            const { areas, pages } = spaceOf(last);
            const place = { start: 0x600080100000, end: 0x600080100000 + 5000 * 4096 };
            assert.deepEqual(areas, [{ ...place, prot: "rw-p", name: "" }]);
            assert.deepEqual(pages, [{ ...place, level: "PTE" }]);
        },
    ],
    [
        "a call that is refused says why, and changes nothing",
        async (t) => {
            const engine = engineOf(t);
            outcomesOf(engine, ["mmap 1M 2M rw", "populate 1M 2M"]);
            const before = engine.look();
            for (const [line, words] of [
                ["mremap 0x100001 4K 4K", "address not page-aligned"],
                ["mremap 1M 4K 8K", "no room to grow in place and may not move"],
                ["mremap 16M 4K 4K maymove", "nothing mapped there"],
                ["mremap 1M 4M 8M maymove", "range leaves its VMA"],
                ["mmap 2M 4K rw", "range is in use"],
                ["mmap 0 4K rw", "below mmap_min_addr"],
                ["mmap 16M 200T rw", "length zero or beyond the address space"],
                ["mmap 16M 64G rw", "a resource limit or the number of VMAs"],
                ["shift 2M", "nothing mapped there"],
            ]) {
                const outcome = engine.run(line);
                const refused = outcome.events.findLast(({ event }) => event === "refused");
                assert.equal(refused?.words, words, line);
                assert.match(summary(outcome), /^refused: .* \(-E[A-Z]+\)$/);
            }
            const bare = (events) => events.map(({ n, ...event }) => event);
            assert.deepEqual(bare(engine.look()), bare(before));
        },
    ],
    [
        "what cannot be understood is said in words",
        async (t) => {
            const engine = engineOf(t);
            assert.equal(engine.run("mmmap 1 2").misread, '"mmmap": no such command');
            assert.match(engine.run("mmap 0x100000").misread, /something is missing; the form is: mmap ADDRESS/);
            assert.match(engine.run("mmap 5Q 4K").misread, /^"5Q": no number/);
            assert.match(engine.run(`mmap ${"9".repeat(5000)}`).misread, /too long/);
            assert.equal(engine.run("# nothing").misread, null);
        },
    ],
    [
        "out of memory is refused, and no frame is lost",
        async (t) => {
            const engine = engineOf(t);
            const [, filled] = outcomesOf(engine, ["mmap 1G 1G rw noreserve", "populate 1G 1G"]);
            assert.equal(summary(filled), "refused: -ENOMEM");
            assert.equal(engine.run("munmap 1G 1G").panic, null);
            const again = engine.run("mmap 1G 128M rw");
            assert.equal(summary(again), "= 0x40000000");
            assert.equal(summary(engine.run("populate 1G 128M")), "");
        },
    ],
    [
        "no line makes it stop",
        async (t) => {
            const engine = engineOf(t);
            const words = engine.usage.map(([form]) => form.split(" ")[0]);
            const numbers = ["0", "1", "4K", "5M", "1G+1M", "0x7ffffffff000", "127T", "0xffffffffffffffff"];
            const others = ["rw", "none", "maymove,fixed", "dontunmap", "any", "over,noreserve", "pmd", "#", ",", "é"];
            let seed = 7;
            const pick = (list) => list[(seed = (seed * 48271) % 2147483647) % list.length];
            for (let i = 0; i < 250; i++) {
                const rest = Array.from({ length: i % 6 }, (_, n) => pick(n < 3 || i % 2 ? numbers : others));
                const line = [pick(words), ...rest].join(" ");
                assert.equal(engine.run(line).panic, null, line);
            }
        },
    ],
    [
        "undo and redo come back to the same states",
        async (t) => {
            const session = new Session(engineOf(t));
            const bare = (events) => JSON.stringify(events.map(({ n, ...event }) => event));
            const now = () => bare(session.stateBefore(session.outcomes.length));
            const states = [now()];
            const lines = ["mmap 1M 5M rw", "populate 1M 5M", "mremap 1M 5M 5M maymove,fixed 1G+1M", "munmap 1G 3M"];
            for (const line of lines) {
                session.give(line);
                states.push(now());
            }
            session.load(["mmap 8M 1M r"]);
            for (let i = 4; i >= 0; i--) {
                assert.ok(session.undo());
                assert.equal(now(), states[i]);
            }
            assert.equal(session.undo(), false);
            assert.deepEqual(session.undone, lines);
            for (let i = 1; i <= 3; i++) {
                assert.ok(session.redo());
                assert.equal(now(), states[i]);
            }
            session.give("munmap 1G 8M");
            assert.equal(session.redo(), false);
            session.undo();
            assert.equal(bare(session.engine.look()) === states[3], false, "the engine is behind until it must not be");
            session.give("munmap 1G 3M");
            assert.equal(now(), states[4]);
        },
    ],
    [
        "a layout survives being a link",
        async () => {
            const lines = ["mmap 0x100000 5M rw", "mremap 1M 5M 5M maymove,fixed 1G+1M", "mprotect 1G+1M 4K none", "a;b#%ü|"];
            assert.deepEqual(fromLink(`#${toLink(lines)}`), lines);
            assert.match(toLink(lines), /^[\x21-\x7e]*$/);
            assert.deepEqual(fromLink("#"), []);
            assert.equal(fromLink("#%zz"), null);
        },
    ],
    [
        "rows of the map show what is there",
        async () => {
            const range = (start, length) => ({ start, end: start + length });
            const all = [range(0x100000, 5 * MIB), range(0x20100000, 5 * MIB), range(2 ** 47 - 4096, 4096)];
            const { rows, hidden } = rowsFor(all);
            assert.equal(hidden, 0);
            assert.equal(rows.length, 3);
            for (const { start, end } of all) assert.ok(rows.some((row) => row.start <= start && end <= row.end));
            assert.equal(new Set(rows.map((row) => row.end - row.start)).size, 1);
            assert.equal(0x100000 - rows[0].start, 0x20100000 - rows[1].start, "the same offset at the same place");
            const many = Array.from({ length: 20 }, (_, i) => range(i * 2 ** 32, MIB));
            assert.equal(rowsFor(many).rows.length + rowsFor(many).hidden, 20);
            assert.ok(rowsFor(many, all).rows.every((row, i, { [i - 1]: last }) => !last || last.end <= row.start));
            const huge = rowsFor([range(0x120000000, 3 * 2 ** 30), range(0x100000, MIB)]);
            assert.ok(huge.rows.every((row) => row.start >= 0 && row.end <= 2 ** 47));
            assert.equal(typed(20000 * 1024), "20000K");
        },
    ],
];
