/* Headless Chromium, started when the first test asks for a page. */
import { existsSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

export class Browser {
    constructor(modules, build) {
        this.modules = modules;
        this.build = build;
        this.shots = join(build, "web", "screenshots");
        this.contexts = [];
        this.problems = [];
    }

    async start() {
        const { chromium } = createRequire(join(this.modules, "_"))("playwright-core");
        const executablePath = PLACES.find((place) => existsSync(place));
        if (!executablePath)
            throw new Error("no Chromium on this machine: these tests cannot run (tools/setup.sh installs Debian's)");
        mkdirSync(this.shots, { recursive: true });
        return chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
    }

    /*
     * A page on @file of the build directory. @options are those of playwright's newContext; hash: what stands behind
     * the address; script: what runs before the page does. page.shot(name) writes a screenshot into build/web/screenshots.
     */
    async page(file, { hash = "", script = "", ...options } = {}) {
        this.browser ??= await this.start();
        const context = await this.browser.newContext({ viewport: { width: 1280, height: 900 }, offline: true, ...options });
        this.contexts.push(context);
        const page = await context.newPage();
        if (script) await page.addInitScript(script);
        page.setDefaultTimeout(15_000);
        page.on("pageerror", (error) => this.problems.push(`the page threw: ${error.stack ?? error}`));
        page.on("console", (line) => {
            if (line.type() === "error") this.problems.push(`the page logged: ${line.text()}`);
        });
        page.shot = (name, more) => page.screenshot({ path: join(this.shots, `${name}.png`), ...more });
        this.latest = page;
        await page.goto(pathToFileURL(join(this.build, file)).href + hash);
        return page;
    }

    /* Throws what went wrong in the pages since the last test. */
    settle() {
        const problems = this.problems.splice(0);
        if (problems.length) throw new Error(problems.join("\n"));
    }

    async failed(name) {
        for (const problem of this.problems.splice(0)) console.log(problem.replace(/^/gm, "# "));
        await this.latest?.shot(`failed-${name.replace(/\W+/g, "-")}`).catch(() => {});
    }

    async closePages() {
        for (const context of this.contexts.splice(0)) await context.close();
        this.latest = null;
    }

    async close() {
        await this.browser?.close();
    }
}
