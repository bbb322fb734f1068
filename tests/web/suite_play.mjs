/* The playground, as a visitor uses it. */
import assert from "node:assert/strict";

export const tests = [
    [
        "it opens from disk",
        async (t) => {
            const page = await t.page("playground.html");
            assert.equal(await page.locator("h1").first().textContent(), "Realign");
        },
    ],
];
