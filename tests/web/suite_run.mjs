/* A run in QEMU, from the second serial port to the page: what is said there is what the program did. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseTrace } from "../../tools/web/src/viewer-trace.js";
import { Player } from "../../tools/web/src/viewer-run.js";
import { runsIn } from "../../tools/web/src/viewer-state.js";

function picture(t, name, program, append) {
    const out = join(t.build, "web", name);
    const release = (file) => join(t.build, "release", file);
    const where = ["--page", join(t.build, "web/picture.html"), "--out", out];
    const what = ["--kernel", release("kernel.elf"), "--initrd", release("initramfs.cpio")];
    execFileSync("python3", [
        join(t.root, "tools/picture.py"),
        ...where,
        ...what,
        "--program",
        program,
        "--append",
        append,
    ]);
    const [, trace] = /id="trace"[^>]*>([^]*?)<\/script>/.exec(readFileSync(out, "utf8"));
    const { events, problem, gaps } = parseTrace(trace);
    assert.equal(problem, null);
    assert.deepEqual(gaps, []);
    return new Player(events);
}

/* The last move's pages are at its destination, and only there. */
function arrived(player) {
    const move = player.moves.at(-1);
    player.go(player.stops.findIndex(({ event }) => event === move.end));
    assert.equal(player.event.event, "return");
    const pages = (range) => runsIn(player.state, 0, range).reduce((sum, run) => sum + run.count, 0);
    assert.equal(pages({ start: move.new, end: move.new + move.len }), 1280);
    assert.equal(pages({ start: move.old, end: move.old + move.len }), 0);
    assert.ok(player.state.vmas.some(({ start, end }) => start === move.new && end === move.new + move.len));
    return move.sum;
}

async function wholeEntries(t) {
    assert.deepEqual(arrived(picture(t, "run-full.html", "demo", "")), { entries: [0, 3, 0, 0], pages: 1280 });
    const page = await t.page("web/run-full.html");
    assert.match(await page.locator(".v-words").textContent(), /\d+ areas, \d+ tables, [\d\u202f]+ pages mapped/);
    await page.keyboard.press("ArrowRight");
    assert.match(await page.locator(".v-words").textContent(), /^The program calls mremap\(0x100000100000, /);
    for (let i = 0; i < 4; i++) await page.keyboard.press("ArrowRight");
    assert.match(await page.locator(".v-words").textContent(), /^One PMD entry moves and takes 256 pages along/);
    assert.match(await page.locator(".v-code.v-lit").first().textContent(), /TRACE/);
    await page.shot("run-full", { fullPage: true });
}

async function pageByPage(t) {
    const { entries, pages } = arrived(picture(t, "run-off.html", "demo", "realign=off"));
    assert.equal(entries[0], 256, "the first MiB, up to the first edge");
    assert.equal(entries[1], 2);
    assert.equal(pages, 1280);
}

export const tests = [
    ["realign=full: three entries", wholeEntries],
    ["realign=off: single pages up to the edge", pageByPage],
];
