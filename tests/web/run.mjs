/*
 * Runs suite_*.mjs: TAP, then a line of counts.
 *
 * usage: node run.mjs --modules DIR --build DIR [--only WORD]
 *
 * A suite exports `tests`, [name, async (t) => ...] each, and `needsBrowser`. t.page(file) opens a page of the build
 * directory in headless Chromium; a page that throws or logs an error fails its test. Where there is no Chromium the
 * tests that need it fail, in words.
 */
import { readdirSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { Browser } from "./browser.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const { values: args } = parseArgs({
    options: { modules: { type: "string" }, build: { type: "string" }, only: { type: "string", default: "" } },
});
const TIME_LIMIT = 60_000;

async function limited(promise) {
    let timer;
    const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`no end within ${TIME_LIMIT / 1000} s`)), TIME_LIMIT);
    });
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

async function main() {
    const suites = readdirSync(here).filter((name) => /^suite_.*\.mjs$/.test(name) && name.includes(args.only));
    const browser = new Browser(resolve(args.modules), resolve(args.build));
    let passed = 0;
    let failed = 0;

    for (const name of suites.sort()) {
        const suite = await import(pathToFileURL(resolve(here, name)));
        const t = { build: resolve(args.build), root: resolve(here, "../.."), page: (...a) => browser.page(...a) };
        for (const [title, test] of suite.tests) {
            const start = performance.now();
            let problem = null;
            try {
                await limited(test(t));
                browser.settle();
            } catch (error) {
                problem = error;
                await browser.failed(`${name}-${title}`);
            }
            await browser.closePages();
            const seconds = ((performance.now() - start) / 1000).toFixed(1);
            console.log(`${problem ? "not ok" : "ok"} ${passed + failed + 1} - ${name.slice(6, -4)}: ${title} (${seconds} s)`);
            if (problem) console.log(String(problem.stack ?? problem).replace(/^/gm, "# "));
            failed += problem ? 1 : 0;
            passed += problem ? 0 : 1;
        }
    }
    await browser.close();
    console.log(`1..${passed + failed}`);
    console.log(`${passed} passed, ${failed} failed`);
    return failed || !passed ? 1 : 0;
}

process.exit(await main());
