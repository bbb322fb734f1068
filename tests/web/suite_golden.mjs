/*
 * The steps of each scene, compared with tests/golden/scenes/NAME.txt: in WebAssembly, and on the host's simulated
 * machine. RECORD=1 writes the files anew.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Engine } from "../../tools/web/src/play-engine.js";
import { readScene } from "../../tools/web/src/play-scene.js";
import { goldenText } from "./golden.mjs";

const namesOf = (t) =>
    readdirSync(join(t.root, "user/scenes"))
        .filter((name) => name.endsWith(".scene"))
        .map((name) => name.replace(".scene", ""))
        .sort();
const pathOf = (t, name) => join(t.root, "user/scenes", `${name}.scene`);

function compare(t, name, text, record = false) {
    const path = join(t.root, "tests/golden/scenes", `${name}.txt`);
    if (record) writeFileSync(path, text);
    assert.ok(existsSync(path), `${path} is not there; RECORD=1 make web-test T=golden writes it`);
    assert.equal(text, readFileSync(path, "utf8"), name);
}

function inWasm(t) {
    const engine = new Engine(readFileSync(join(t.build, "web/realign.wasm")));
    for (const name of namesOf(t)) {
        const { lines } = readScene({ name, text: readFileSync(pathOf(t, name), "utf8") });
        engine.restart();
        const story = lines.map((line) => {
            const { events, warnings } = engine.run(line);
            return { line, words: [...events.map(({ text }) => text), ...warnings] };
        });
        compare(t, name, goldenText(story), process.env.RECORD);
    }
}

/* The host's program prints all scenes: "# path", then "> command" and words. */
function onHost(t) {
    const names = namesOf(t);
    const all = execFileSync(join(t.build, "web/host-scenes"), names.map((name) => pathOf(t, name)), {
        encoding: "utf8",
        maxBuffer: 2 ** 26,
    });
    const scenes = all.split(/^# .*\n/m).slice(1);
    assert.equal(scenes.length, names.length);
    scenes.forEach((text, i) => {
        const story = text.split(/^> /m).slice(1);
        const told = story.map((part) => part.trimEnd().split("\n")).map(([line, ...words]) => ({ line, words }));
        compare(t, names[i], goldenText(told));
    });
}

export const tests = [
    ["the steps of each scene, in WebAssembly", async (t) => inWasm(t)],
    ["the same on the host", async (t) => onHost(t)],
];
