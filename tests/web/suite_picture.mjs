/* The page of a trace, as a visitor uses it; what it exports is read back. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inflateSync } from "node:zlib";
import { byWholeEntries, pageByPage } from "./traces.mjs";

/* A page of @trace (its text), made as `make picture` makes it; opened. */
async function open(t, name, trace, options) {
    const input = join(t.build, "web", `${name}.jsonl`);
    writeFileSync(input, trace);
    const out = join("web", `${name}.html`);
    const page = join(t.build, "web/picture.html");
    const tool = join(t.root, "tools/picture.py");
    execFileSync("python3", [tool, "--page", page, "--trace", input, "--out", join(t.build, out)]);
    return t.page(out, options);
}

const position = async (page) =>
    Number((await page.locator(".v-count").textContent()).replace(/\u202f/g, "").split(" ")[0]);
const words = (page) => page.locator(".v-words").textContent();

async function keys(t) {
    const page = await open(t, "picture-demo", byWholeEntries().text);
    const after = async (key) => (await page.keyboard.press(key), position(page));
    assert.equal(await position(page), 1);
    assert.equal(await after("ArrowRight"), 2);
    assert.equal(await after("ArrowRight"), 3);
    assert.equal(await after("ArrowLeft"), 2);
    assert.equal(await after("End"), 13);
    assert.equal(await after("ArrowRight"), 13);
    assert.equal(await after("Home"), 1);
    assert.equal(await after("ArrowLeft"), 1);
}

async function slider(t) {
    const page = await open(t, "picture-demo", byWholeEntries().text);
    const range = page.locator("input[type=range]");
    await range.fill("6");
    assert.equal(await position(page), 7);
    assert.match(await words(page), /One PMD entry moves and takes 512 pages along/);
    assert.match(await range.getAttribute("aria-valuetext"), /step 7 of 13: step PMD 100000200000 -> 1000c1200000/);
    await range.focus();
    await page.keyboard.press("ArrowUp");
    assert.equal(await position(page), 8);
    assert.equal(await page.locator(".v-words").getAttribute("aria-live"), "polite");
    const lit = page.locator(".s-pane-new .s-lit");
    assert.equal(await lit.count(), 1);
    assert.equal(
        await page.locator(".v-row[aria-current]").textContent(),
        "step PMD 100000000000 -> 1000c1000000 span 200000 entry 254027",
    );
    assert.match(await page.locator(".v-place").textContent(), /^mm\/pt_move\.c:\d+/);
    assert.ok((await page.locator(".v-code.v-lit").count()) >= 1);
    await page.shot("picture-step");
}

async function numbers(t) {
    const page = await open(t, "picture-demo", byWholeEntries().text);
    await page.keyboard.press("End");
    const rows = await page
        .locator(".v-table tbody tr")
        .evaluateAll((trs) => trs.map((tr) => [...tr.cells].map((c) => c.textContent.replace(/\u202f/g, ""))));
    assert.deepEqual(rows[2], ["PMD2 MiB", "3", "3"]);
    assert.deepEqual(rows.at(-1), ["page by page", "1280", "1280"]);
    assert.match(await page.locator(".v-verdict").textContent(), /^3 writes in place of 1.280/);
}

async function runsFold(t) {
    const page = await open(t, "picture-pages", pageByPage(1280).text);
    for (let i = 0; i < 8; i++) await page.keyboard.press("PageDown");
    assert.ok((await position(page)) > 500, "one key passes a run of steps");
    await page.keyboard.press("PageUp");
    assert.ok((await page.locator(".v-row").count()) < 60);
    await page.locator(".v-folded").last().click();
    assert.match(await page.locator(".v-row.v-inside").textContent(), /^step PTE/);
    await page.shot("picture-pages");
}

async function plays(t) {
    const page = await open(t, "picture-demo", byWholeEntries().text);
    await page.locator("input[type=range]").fill("10");
    await page.keyboard.press(" ");
    assert.equal(await page.getByRole("button", { name: "Pause" }).count(), 1);
    await page.getByRole("button", { name: "Play", exact: true }).waitFor();
    assert.equal(await position(page), 13);
}

async function keyboardAlone(t) {
    const page = await open(t, "picture-demo", byWholeEntries().text);
    const seen = new Set();
    for (let i = 0; i < 30; i++) {
        await page.keyboard.press("Tab");
        const at = await page.evaluate(() => {
            const { activeElement: e } = document;
            const shown = e.matches("input[type=file]") ? e.parentElement : e;
            return {
                name: e.getAttribute("aria-label") || e.textContent || e.type,
                outline: getComputedStyle(shown).outlineStyle,
            };
        });
        if (at.name && !at.name.includes("\n")) {
            assert.notEqual(at.outline, "none", `the focus on ${at.name} is seen`);
            seen.add(at.name);
        }
    }
    for (const name of ["First step", "Play", "Step", "Last step", "Help", "SVG", "PNG", "GIF"])
        assert.ok(seen.has(name), `${name} by Tab`);
    await page.keyboard.press("?");
    await page.locator("dialog[open] h2").first().waitFor();
    await page.shot("picture-help");
    await page.keyboard.press("Escape");
    assert.equal(await page.locator("dialog[open]").count(), 0);
}

async function exported(page, button) {
    const [download] = await Promise.all([
        page.waitForEvent("download"),
        page.getByRole("button", { name: button }).click(),
    ]);
    return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
}

async function exportsSvg(t) {
    const page = await open(t, "picture-demo", byWholeEntries().text);
    await page.locator("input[type=range]").fill("6");
    const { name, bytes } = await exported(page, "SVG");
    assert.equal(name, "realign-7.svg");
    const found = await page.evaluate((text) => {
        const parsed = new DOMParser().parseFromString(text, "image/svg+xml");
        return {
            error: parsed.querySelector("parsererror")?.textContent,
            root: parsed.documentElement.localName,
            lit: parsed.querySelectorAll(".s-lit").length,
            text: parsed.documentElement.textContent,
        };
    }, bytes.toString());
    assert.equal(found.error, undefined);
    assert.equal(found.root, "svg");
    assert.equal(found.lit, 4);
    assert.match(found.text, /7\/13 {2}step PMD/);
    assert.doesNotMatch(bytes.toString(), /var\(|light-dark|https?:\/\/(?!www\.w3\.org)/, "the picture stands alone");
}

/* Chunks of a PNG, its pixels unpacked. */
function readPng(bytes) {
    assert.equal(bytes.toString("latin1", 0, 8), "\x89PNG\r\n\x1a\n");
    const data = [];
    let header = null;
    for (let at = 8; at < bytes.length;) {
        const length = bytes.readUInt32BE(at);
        const type = bytes.toString("latin1", at + 4, at + 8);
        if (type === "IHDR") header = { width: bytes.readUInt32BE(at + 8), height: bytes.readUInt32BE(at + 12) };
        if (type === "IDAT") data.push(bytes.subarray(at + 8, at + 8 + length));
        at += length + 12;
    }
    return { ...header, pixels: inflateSync(Buffer.concat(data)) };
}

async function exportsPng(t) {
    const page = await open(t, "picture-demo", byWholeEntries().text);
    await page.locator("input[type=range]").fill("6");
    const { bytes } = await exported(page, "PNG");
    const { width, height, pixels } = readPng(bytes);
    assert.equal(width, 2400);
    assert.ok(height > 800 && pixels.length >= width * height * 3);
    assert.ok(new Set(pixels.subarray(0, 4_000_000)).size > 20, "it is not blank");
}

/* Counts the pictures of a GIF by its blocks. */
function gifFrames(bytes) {
    assert.equal(bytes.toString("latin1", 0, 6), "GIF89a");
    const table = (flags) => (flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0);
    let at = 13 + table(bytes[10]);
    let frames = 0;
    const skipBlocks = () => {
        while (bytes[at]) at += bytes[at] + 1;
        at++;
    };
    while (bytes[at] !== 0x3b) {
        assert.ok(bytes[at] === 0x21 || bytes[at] === 0x2c, `a block at ${at}`);
        if (bytes[at] === 0x2c) {
            frames++;
            at += 10 + table(bytes[at + 9]) + 1;
        } else at += 2;
        skipBlocks();
    }
    assert.equal(at, bytes.length - 1);
    return frames;
}

async function exportsGif(t) {
    const page = await open(t, "picture-demo", byWholeEntries().text);
    await page.keyboard.press("ArrowRight");
    const { name, bytes } = await exported(page, "GIF");
    assert.equal(name, "realign.gif");
    assert.equal(bytes.readUInt16LE(6), 960);
    assert.equal(gifFrames(bytes), 13);
    assert.equal(await position(page), 2, "it stands where it stood");
}

async function malformed(t) {
    const lines = byWholeEntries().text.split("\n");
    lines[30] = lines[30].slice(0, 40);
    const page = await open(t, "picture-malformed", lines.join("\n"));
    const alert = page.getByRole("alert");
    assert.match(await alert.textContent(), /malformed in line 31: not JSON: .*The 30 events before it are shown/);
    assert.ok((await position(page)) >= 1);
    await page.shot("picture-malformed");
}

async function dropped(t) {
    const page = await t.page("web/picture.html");
    assert.ok(await page.locator(".p-drop").isVisible());
    const file = { name: "mine.jsonl", mimeType: "text/plain", buffer: Buffer.from(byWholeEntries().text) };
    await page.locator("input[type=file]").setInputFiles(file);
    await page.locator(".v-count").filter({ hasText: "1 of 13" }).waitFor();
    assert.equal(await page.locator(".p-drop").isVisible(), false);
    const transfer = await page.evaluateHandle((text) => {
        const data = new DataTransfer();
        data.items.add(new File([text], "broken.txt"));
        return data;
    }, "no trace\n");
    await page.dispatchEvent("body", "drop", { dataTransfer: transfer });
    await page.getByRole("alert").filter({ hasText: "malformed in line 1: not JSON" }).waitFor();
}

/* Below 1 s on a quiet machine, from opening to the first frame; the bound leaves room for a busy one. */
async function tenThousand(t) {
    const page = await open(t, "picture-large", pageByPage(10_000).text);
    const loaded = await page.evaluate(
        () => new Promise((done) => requestAnimationFrame(() => setTimeout(() => done(performance.now())))),
    );
    console.log(`# 10,000 steps are there after ${Math.round(loaded)} ms`);
    assert.ok((await page.locator(".s-page").count()) > 0);
    assert.ok(loaded < 15_000);
    await page.keyboard.press("End");
    assert.equal(await position(page), 10_029);
    await page.locator("input[type=range]").fill("5000");
    assert.match(await words(page), /^One PTE moves/);
}

async function lightAndDark(t) {
    const paper = (page) => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const page = await open(t, "picture-demo", byWholeEntries().text, { colorScheme: "dark" });
    const dark = await paper(page);
    await page.locator("input[type=range]").fill("6");
    await page.shot("picture-dark");
    await page.locator(".p-theme").click();
    const light = await paper(page);
    assert.deepEqual([dark, light], ["rgb(22, 24, 28)", "rgb(255, 255, 255)"]);
    await page.locator(".p-theme").click();
    assert.equal(await paper(page), dark);
    await page.emulateMedia({ media: "print" });
    assert.equal(await paper(page), light, "paper is white");
    assert.equal(await page.locator(".v-bar").isVisible(), false);
}

/* One file that needs nothing else, and that has the licences of what is in it. */
async function alone(t) {
    const page = readFileSync(join(t.build, "web/picture.html"), "utf8");
    for (const name of ["Realign", "d3-scale", "d3-selection", "gifenc"])
        assert.match(page, new RegExp(`^${name}:\n\n`, "m"));
    assert.doesNotMatch(
        page.split("<!--")[0],
        /<(script|link|img)[^>]+(src|href)=/,
        "nothing is loaded from elsewhere",
    );
}

export const tests = [
    ["alone", alone],
    ["keys", keys],
    ["slider: the entry lit, its line of the trace, its source", slider],
    ["numbers at the end", numbers],
    ["runs fold", runsFold],
    ["it plays", plays],
    ["by keyboard alone", keyboardAlone],
    ["SVG", exportsSvg],
    ["PNG", exportsPng],
    ["GIF", exportsGif],
    ["a malformed trace", malformed],
    ["a trace opened, one dropped", dropped],
    ["10,000 steps", tenThousand],
    ["light, dark, print", lightAndDark],
];
