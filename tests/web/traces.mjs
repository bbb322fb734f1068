/* Traces made for tests, in the kernel's format: a process with some areas, and one that moves. */

const PAGE = 4096;
const LEVELS = ["PTE", "PMD", "PUD", "PGD"];
const span = (level) => PAGE * 512 ** level;
const hex = (value) => `0x${value.toString(16)}`;
const floor = (address, level) => address - (address % span(level));

export class Trace {
    constructor(program = "sample") {
        this.lines = [];
        this.frame = 0x100;
        this.add(
            "state",
            "begin",
            { version: 1, realign: "full", levels: 4, bits: 9, page: PAGE, program },
            `begin ${program}`,
        );
    }

    add(kind, event, fields, text = event, source = "pt_move.c:110") {
        this.lines.push({ n: this.lines.length, kind, event, text, source, ...fields });
        return this;
    }

    get text() {
        return this.lines.map((line) => JSON.stringify(line)).join("\n") + "\n";
    }

    /* A snapshot: @areas [{start, end, prot, name}], each full of pages; `tables` remembers the entries of tables. */
    state(areas) {
        this.tables = new Map();
        this.pages = new Map();
        this.add("state", "state-begin", {});
        for (const { start, end, prot = "rw-p", name } of areas)
            this.add("state", "state-vma", { start: hex(start), end: hex(end), prot, ...(name ? { name } : {}) });
        for (const area of areas) this.#fill(area);
        return this.add("state", "state-end", {});
    }

    #fill({ start, end }) {
        for (let level = 3; level > 0; level--)
            for (let at = floor(start, level); at < end; at += span(level)) {
                if (this.tables.has(`${level} ${at}`)) continue;
                const entry = this.frame++ * PAGE + 0x27;
                this.tables.set(`${level} ${at}`, entry);
                this.#run(level, at, 1, entry, "table");
            }
        for (let at = start; at < end;) {
            const next = Math.min(end, floor(at, 1) + span(1));
            this.#run(0, at, (next - at) / PAGE, this.frame * PAGE + 0x67, "page");
            for (; at < next; at += PAGE) this.pages.set(at, this.frame++ * PAGE + 0x67);
        }
    }

    #run(level, address, count, entry, points) {
        this.add("state", "state-run", {
            level: LEVELS[level],
            address: hex(address),
            count,
            entry: hex(entry),
            points,
            consecutive: count > 1,
        });
    }

    step(level, old, to) {
        const entry = level ? this.tables.get(`${level} ${old}`) : this.pages.get(old);
        const fields = {
            level: LEVELS[level],
            old: hex(old),
            new: hex(to),
            span: span(level),
            entry: hex(entry),
            slot_before: "0x0",
        };
        const words = [old, to, span(level), entry].map((v) => v.toString(16));
        return this.add(
            "mremap",
            "step",
            fields,
            `step ${LEVELS[level]} ${words[0]} -> ${words[1]} span ${words[2]} entry ${words[3]}`,
            "pt_move.c:140",
        );
    }

    table(event, level, address) {
        this.frame++;
        return this.add(
            "pt",
            event,
            { level: LEVELS[level], address: hex(address), frame: hex(this.frame * PAGE) },
            `table of ${LEVELS[level]}s for ${address.toString(16)} ${event.slice(6)}`,
            "pt.c:167",
        );
    }

    moved(pte, pmd = 0, pud = 0, pgd = 0) {
        return this.add(
            "mremap",
            "moved",
            { pte, pmd, pud, pgd },
            `moved ${pte} PTE, ${pmd} PMD, ${pud} PUD, ${pgd} PGD`,
            "pt_move.c:110",
        );
    }

    flush(start, end) {
        return this.add(
            "tlb",
            "flush",
            { start: hex(start), end: hex(end), all: true },
            `flush ${start.toString(16)}-${end.toString(16)}, all`,
            "tlb.c:63",
        );
    }
}

const MIB = 2 ** 20;
const GIB = 2 ** 30;
const AROUND = [
    { start: 0x400000, end: 0x426000, prot: "r-xp", name: "/bin/demo" },
    { start: 0x7ffff7ffb000, end: 0x7ffff7fff000, prot: "r--p", name: "[vvar]" },
    { start: 0x7fffffedc000, end: 0x7fffffffd000, prot: "rw-p", name: "[stack]" },
];
export const OLD = 0x100000000000 + MIB;

function call(trace, old, len, to) {
    const words = `mremap old ${old.toString(16)}+${len.toString(16)} new_len ${len.toString(16)} flags 3 new ${to.toString(16)}`;
    trace.add(
        "mremap",
        "call",
        { name: "mremap", args: [hex(old), hex(len), hex(len), "0x3", hex(to)] },
        words,
        "mremap.c:208",
    );
    trace.add(
        "mremap",
        "move",
        { old: hex(old), new: hex(to), len },
        `move ${old.toString(16)} -> ${to.toString(16)}, ${len.toString(16)} bytes`,
        "pt_move.c:110",
    );
}

/* The area goes along, and the call returns. */
function arrive(trace, len, to) {
    trace.add(
        "vma",
        "vma-resize",
        { start: hex(OLD), end: hex(OLD + len), new_start: hex(to), new_end: hex(to + len) },
        "vma resize",
        "vma.c:270",
    );
    trace.add(
        "mremap",
        "return",
        { name: "mremap", result: hex(to) },
        `mremap returns ${to.toString(16)}`,
        "mremap.c:211",
    );
    return trace;
}

/* 5 MiB, 1 MiB into a PMD entry's span here and there: three entries, with the state before and after. */
export function byWholeEntries() {
    const len = 5 * MIB;
    const to = 0x100000000000 + 3 * GIB + 17 * MIB;
    const trace = new Trace("demo").state([...AROUND, { start: OLD, end: OLD + len }]);
    call(trace, OLD, len, to);
    trace.add(
        "mremap",
        "widen",
        {
            direction: "down",
            level: "PMD",
            old_before: hex(OLD),
            old_after: hex(OLD - MIB),
            new_before: hex(to),
            new_after: hex(to - MIB),
        },
        `widen down to PMD: old ${OLD.toString(16)} -> ${(OLD - MIB).toString(16)}`,
        "pt_move.c:110",
    );
    trace.table("table-new", 1, floor(to, 2));
    for (const at of [2, 1, 0]) trace.step(1, OLD - MIB + at * span(1), to - MIB + at * span(1));
    trace.moved(0, 3);
    trace.table("table-gone", 1, floor(OLD, 2));
    trace.lines.at(-1).frame = hex(trace.tables.get(`2 ${floor(OLD, 2)}`) - 0x27);
    trace.flush(OLD - MIB, OLD + len);
    return arrive(trace, len, to);
}

/* @pages of them, to another offset: one by one. */
export function pageByPage(pages) {
    const len = pages * PAGE;
    const to = 0x100000000000 + 3 * GIB + 17 * MIB + 8 * PAGE;
    const trace = new Trace("page-by-page").state([...AROUND, { start: OLD, end: OLD + len }]);
    call(trace, OLD, len, to);
    trace.table("table-new", 1, floor(to, 2));
    for (let i = pages - 1; i >= 0; i--) {
        const at = to + i * PAGE;
        if (i === pages - 1 || (at + PAGE) % span(1) === 0) trace.table("table-new", 0, floor(at, 1));
        trace.step(0, OLD + i * PAGE, at);
    }
    trace.moved(pages);
    trace.flush(OLD, OLD + len);
    return arrive(trace, len, to);
}
