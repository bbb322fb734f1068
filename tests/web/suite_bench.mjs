/* The page of make bench, made from tests/golden/bench.json. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";

export const needsBrowser = true;

const charts = (page) => page.$$eval("figure", (found) => found.map((figure) => ({
    title: figure.querySelector("figcaption").textContent,
    lines: figure.querySelectorAll("[aria-label=line] path").length,
    points: figure.querySelectorAll("[aria-label=dot] path").length,
})));

async function everyRow({ page: open, root }) {
    const golden = JSON.parse(readFileSync(join(root, "tests/golden/bench.json"), "utf8"));
    const page = await open("web/bench.html");
    const shown = await page.$$eval("tbody tr", (rows) => rows.map((row) => [...row.cells].map((cell) => cell.textContent)));
    assert.equal(shown.length, golden.length);
    const getppid = shown.find(([name]) => name === "getppid");
    assert.equal(getppid[3].replace("*", ""), String(golden.find((row) => row.case === "call/getppid").realign));
    assert.match(getppid[6], /^(✓ yes|✗ no)$/);
}

async function plots({ page: open }) {
    const page = await open("web/bench.html");
    const found = await charts(page);
    for (const title of ["Every page present, 2M-aligned", "One page in each GiB, misaligned", "Move of a page"]) {
        const chart = found.find((one) => one.title === title);
        assert.ok(chart, `no chart of ${title} among ${found.map((one) => one.title)}`);
        assert.equal(chart.lines, 3, "a line for each kernel");
        assert.ok(chart.points >= 6);
    }
    assert.ok((await page.$$(".b-goals [aria-label=dot] path")).length > 60);
    await page.shot("bench-light", { fullPage: true });
    await page.click(".b-theme");
    await page.click(".b-theme");
    await page.shot("bench-dark", { fullPage: true });
}

async function tip({ page: open }) {
    const page = await open("web/bench.html");
    const dot = await page.$("figure [aria-label=dot] path");
    await dot.scrollIntoViewIfNeeded();
    const box = await dot.boundingBox();
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    await page.waitForSelector("figure [aria-label=tip] text");
    assert.match(await page.textContent("figure [aria-label=tip]"), /: [\d,]+/);
}

export const tests = [
    ["every recorded row is in the table", everyRow],
    ["the plots have a line for each kernel", plots],
    ["a point tells its number", tip],
];
