/* The playground, as a visitor uses it: opened from disk, with a mouse, with keys alone, on small screens. */
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

const PAGE = "playground.html";
const EMPTY = "#madvise+64K+0+dontneed"; /* a layout with nothing in it */

const history = (page) => page.locator(".p-history li:not(.p-undone) code").allTextContents();
const results = (page) => page.locator(".p-history li:not(.p-undone) .p-result").allTextContents();
const button = (page, name) => page.getByRole("button", { name, exact: true });
const areas = (page) => page.locator(".p-area").evaluateAll((all) => all.map((g) => g.getAttribute("aria-label")));

async function type(page, line) {
    await page.locator("#command").fill(line);
    await page.locator("#command").press("Enter");
}

/* Where address @at is on the screen, in the row that begins at @row; rows are 16 MiB long here. */
async function place(page, row, at) {
    const box = await page.locator(`svg[data-row="${row}"]`).boundingBox();
    return [box.x + ((at - row) / 2 ** 24) * box.width, box.y + 40];
}

async function drag(page, from, to) {
    await page.mouse.move(...from);
    await page.mouse.down();
    await page.mouse.move((from[0] + to[0]) / 2, (from[1] + to[1]) / 2);
    await page.mouse.move(...to);
    await page.mouse.up();
}

async function gallery(t) {
    const page = await t.page(PAGE);
    const names = readdirSync(join(t.root, "user/scenes")).filter((name) => name.endsWith(".scene"));
    const scenes = page.locator("[data-scene]");

    assert.equal(await scenes.count(), names.length);
    for (let i = 0; i < names.length; i++) {
        await scenes.nth(i).click();
        assert.equal(await scenes.nth(i).getAttribute("aria-pressed"), "true");
        assert.ok((await page.locator(".p-gallery p").textContent()).length > 80, "a sentence about it");
        assert.match((await results(page)).at(-1), /moved/);
        assert.ok((await page.locator(".v-list .v-row").count()) > 3, "its trace");
        assert.equal(await page.locator(".p-problem").count(), 0);
        assert.equal(await page.locator(".p-warning").count(), names[i].startsWith("1-") ? 1 : 0);
        await page.locator("button[data-do=last]").click();
        await page.shot(`play-${names[i].replace(".scene", "")}`, { fullPage: true });
    }
}

/* The warning of March 2023 stands between the steps, and says of which entry and which slot it speaks. */
async function warning(t) {
    const page = await t.page(PAGE);

    await page.locator('[data-scene="1-warning"]').click();
    await button(page, "Show the step").click();
    assert.match(await page.locator(".v-words").textContent(), /^Here Linux warned, in March 2023: the PMD entry/);
    assert.match(await page.locator(".v-row[aria-current]").textContent(), /^warning: PMD 7fffffc00000 -> 7fffffa00000 /);
    assert.equal(await page.locator(".s-lit.s-dashed").count(), 2, "both slots");
    assert.equal(await page.locator(".s-cross").count(), 1);
    const blocked = page.locator(".s-pane-new title").filter({ hasText: "PMD entry 509: 0x7fffffa00000" });
    assert.equal(await blocked.count(), 1, "the table in the way is drawn");
    assert.match(await page.locator(".v-moves option:checked").textContent(), /warning: PMD entry to 0x7fffffa00000/);
    assert.match(await page.locator(".v-place").textContent(), /^mm\/pt_step\.c:\d+, in warn_slot\(\)/);
    await page.shot("play-warning", { fullPage: true });
    await page.keyboard.press("ArrowRight");
    assert.match(await page.locator(".v-words").textContent(), /^One PTE moves/);
}

async function typing(t) {
    const page = await t.page(PAGE, { hash: EMPTY });

    await type(page, "mmap 0x100000 5M rw");
    assert.deepEqual(await areas(page), ["area 0x100000 to 0x600000, rw-p 5 MiB"]);
    await type(page, "populate 1M 5M");
    assert.equal(await page.locator("#command").inputValue(), "");
    await type(page, "mremap 1M 5M 5M maymove,fixed 0x20100000");
    assert.equal((await results(page)).at(-1), "moved 3 PMD");

    const before = await history(page);
    await type(page, "mremap 1M five");
    assert.match(await page.locator(".p-line .p-problem").textContent(), /"five": no number/);
    assert.equal(await page.locator("#command").inputValue(), "mremap 1M five", "what was typed stays, to be corrected");
    assert.deepEqual(await history(page), before);

    await type(page, "mremap 1M 4K 4K maymove,fixed 2M");
    assert.equal((await results(page)).at(-1), "refused: nothing mapped there (-EFAULT)");
    assert.equal(await page.locator(".p-problem").count(), 0);
    await page.locator("#command").press("ArrowUp");
    await page.locator("#command").press("ArrowUp");
    assert.equal(await page.locator("#command").inputValue(), "mremap 1M 5M 5M maymove,fixed 0x20100000");
    await page.locator("#command").fill("mre");
    assert.match(await page.locator("#usage").textContent(), /mremap OLD OLD_LENGTH NEW_LENGTH/);
    assert.doesNotMatch(await page.locator("#usage").textContent(), /munmap/);
}

async function dragging(t) {
    const page = await t.page(PAGE, { hash: EMPTY });
    const MIB = 2 ** 20;

    await drag(page, await place(page, 0, 1.01 * MIB), await place(page, 0, 5.9 * MIB));
    assert.deepEqual((await history(page)).slice(1), ["mmap 0x100000 5M rw"]);
    await page.locator(".p-area").first().focus();
    await button(page, "Populate").click();
    await drag(page, await place(page, 0, 3 * MIB), await place(page, 0, 11 * MIB));
    assert.equal((await history(page)).at(-1), "mremap 0x100000 5M 5M maymove,fixed 0x900000");
    assert.equal((await results(page)).at(-1), "moved 3 PMD");

    await page.locator("#look").fill("0x40000000");
    await button(page, "Show").click();
    const far = 0x40000000 - 2 * MIB;
    await drag(page, await place(page, 0, 12 * MIB), await place(page, far, far + 5 * MIB));
    assert.equal((await history(page)).at(-1), "mremap 0x900000 5M 5M maymove,fixed 0x40000000");
    const [x, y] = await place(page, far, far + 7 * MIB);
    await drag(page, [x - 4, y - 8], [x + (await place(page, 0, MIB))[0] - (await place(page, 0, 0))[0] - 4, y]);
    assert.match((await history(page)).at(-1), /^mremap 0x40000000 5M 6M maymove$/);
    assert.deepEqual(await areas(page), ["area 0x40000000 to 0x40600000, rw-p 6 MiB"]);

    await page.mouse.move(...(await place(page, 0, 8.1 * MIB)));
    await page.mouse.down();
    await page.mouse.move(...(await place(page, 0, 12 * MIB)));
    assert.match(await page.locator(".p-hint").textContent(), /^mmap 0x800000 /);
    await page.shot("play-dragging");
    await page.keyboard.press("Escape");
    await page.mouse.up();
    assert.equal((await history(page)).length, 6, "a drag that was given up does nothing");
}

async function undoing(t) {
    const page = await t.page(PAGE, { hash: EMPTY });

    await type(page, "mmap 0x100000 5M rw");
    await type(page, "mmap 0x800000 1M r");
    await button(page, "Undo").click();
    assert.equal((await areas(page)).length, 1);
    assert.deepEqual(await page.locator(".p-undone code").allTextContents(), ["mmap 0x800000 1M r"]);
    await page.keyboard.press("Control+z");
    assert.equal((await areas(page)).length, 0);
    await button(page, "Redo").click();
    await page.keyboard.press("Control+Shift+z");
    assert.equal((await areas(page)).length, 2);
    await page.locator("[data-scene]").first().click();
    await page.keyboard.press("Control+z");
    assert.equal((await areas(page)).length, 2, "choosing a scene can be undone, too");
    await button(page, "Start over").click();
    assert.equal((await areas(page)).length, 0);
    await button(page, "Undo").click();
    assert.equal((await areas(page)).length, 2);
}

async function modes(t) {
    const page = await t.page(PAGE);
    const moved = {};

    await page.locator('[data-scene="7-tail"]').click();
    for (const mode of ["off", "pmd", "full"]) {
        await button(page, mode).click();
        assert.equal(await button(page, mode).getAttribute("aria-pressed"), "true");
        moved[mode] = (await results(page)).filter((words) => words.startsWith("moved"));
    }
    assert.deepEqual(moved.off, ["moved 2 PMD, 256 PTE", "moved 2 PMD, 256 PTE"]);
    assert.deepEqual(moved.full, ["moved 3 PMD", "moved 3 PMD"]);
}

async function links(t) {
    const first = await t.page(PAGE, { hash: EMPTY });
    await type(first, "mmap 0x100000 5M rw");
    await type(first, "populate 0x100000 1M");
    const { hash } = new URL(first.url());
    assert.equal(hash, `${EMPTY};mmap+0x100000+5M+rw;populate+0x100000+1M`);

    const second = await t.page(PAGE, { hash });
    assert.deepEqual(await history(second), await history(first));
    assert.deepEqual(await areas(second), await areas(first));
    await second.evaluate(() => (location.hash = "#mmap+0x200000+1M+r"));
    await second.locator('[aria-label="area 0x200000 to 0x300000, r--p 1 MiB"]').waitFor();

    const wrong = await t.page(PAGE, { hash: "#mmap+1M+1M+rw;mmmap+1;%22" });
    assert.match(await wrong.locator(".p-problem").textContent(), /line 2, mmmap 1: "mmmap": no such command/);
    assert.deepEqual(await history(wrong), ["mmap 1M 1M rw"]);
    const torn = await t.page(PAGE, { hash: "#mmap%" });
    assert.match(await torn.locator(".p-problem").textContent(), /link is malformed/);
}

async function keys(t) {
    const page = await t.page(PAGE);
    const focused = (attribute) => page.evaluate((name) => document.activeElement.getAttribute(name), attribute);

    for (let i = 0; i < 4 && !(await focused("data-scene")); i++) await page.keyboard.press("Tab");
    assert.equal(await focused("data-scene"), "1-warning");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    assert.deepEqual(await history(page), ["realign full", "stack 5M", "shift 2M"]);
    const count = page.locator(".v-count");
    const at = await count.textContent();
    await page.keyboard.press("ArrowRight");
    assert.notEqual(await count.textContent(), at, "the arrow keys step");

    await page.keyboard.press("/");
    await page.keyboard.type("mmap 1M 2M rw");
    await page.keyboard.press("Enter");
    for (let i = 0; i < 40 && (await focused("data-area")) !== "1048576"; i++) await page.keyboard.press("Shift+Tab");
    assert.equal(await focused("data-area"), "1048576");
    await page.keyboard.press("p");
    assert.equal((await history(page)).at(-1), "populate 0x100000 2M");
    await page.keyboard.press("Enter");
    assert.equal(await focused("id"), "command");
    assert.equal(await page.locator("#command").inputValue(), "mremap 0x100000 2M 2M maymove,fixed ");
    await page.keyboard.type("0x40100000");
    await page.keyboard.press("Enter");
    assert.match((await results(page)).at(-1), /^moved/);
}

async function panicking(t) {
    const page = await t.page("web/mutant.html", { hash: EMPTY });
    await type(page, "mmap 1M 1M rw");
    await type(page, "populate 1M 1M");
    await type(page, "munmap 1M 1M");
    assert.match(await page.locator(".p-panic").textContent(), /The kernel panicked.*mm\/\w+\.c:\d+: /);
    assert.equal(await page.locator("#command").isDisabled(), true);
    await page.shot("play-panic");
    await button(page, "Undo").click();
    assert.equal(await page.locator(".p-panic").count(), 0);
    await type(page, "mmap 8M 1M rw");
    assert.equal((await results(page)).at(-1), "= 0x800000");
}

async function looks(t) {
    const hash = "#mmap+0x100000+5M+rw;populate+0x100000+5M;mremap+0x100000+5M+5M+maymove,fixed+0x20100000";
    const narrow = await t.page(PAGE, { hash, viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true });
    const wide = await narrow.evaluate(() => document.scrollingElement.scrollWidth);
    assert.ok(wide <= 360, `the page is ${wide} pixels wide on a screen of 360`);
    await narrow.shot("play-small", { fullPage: true });
    const dark = await t.page(PAGE, { hash, colorScheme: "dark" });
    await dark.shot("play-dark", { fullPage: true });
    const print = await t.page(PAGE, { hash });
    await print.emulateMedia({ media: "print" });
    await print.shot("play-print", { fullPage: true });
    assert.equal(await print.locator(".p-line").isVisible(), false);
}

async function alone(t) {
    const text = readFileSync(join(t.build, PAGE), "utf8");
    assert.doesNotMatch(text, /<(script|link|img)[^>]+(src|href)=/, "nothing is loaded from elsewhere");
    const page = await t.page(PAGE);
    assert.equal(await page.locator("h1").first().textContent(), "Realign");
    const asked = await page.evaluate(() => performance.getEntriesByType("resource").map(({ name }) => name));
    assert.deepEqual(asked, []);
}

async function without(t) {
    const page = await t.page(PAGE, { script: "delete globalThis.WebAssembly" });
    assert.match(await page.locator("#app").textContent(), /This page needs WebAssembly/);
}

async function large(t) {
    const page = await t.page(PAGE, { hash: EMPTY });
    await type(page, "mmap 0x7f0000100000 20000K rw");
    await type(page, "populate 0x7f0000100000 20000K");
    await type(page, "mremap 0x7f0000100000 20000K 20000K maymove,fixed 0x600080001000");
    assert.equal((await results(page)).at(-1), "moved 5000 PTE");
    await page.shot("play-5000", { fullPage: true });
}

export const tests = [
    ["one file, opened from disk", alone],
    ["the gallery: each scene", gallery],
    ["the warning, at its step", warning],
    ["typing, mistakes, refusals", typing],
    ["dragging: map, move, resize, give up", dragging],
    ["undo and redo", undoing],
    ["the same again with another realign", modes],
    ["a layout as a link", links],
    ["by keys alone", keys],
    ["a broken invariant is loud, and can be undone", panicking],
    ["small, dark, printed", looks],
    ["5000 pages", large],
    ["no WebAssembly: said in words", without],
];
