/* Light, dark, or as the system has it. */
const THEMES = { "": "◐ Auto", light: "☀ Light", dark: "☾ Dark" };
const STORE = "realign-theme";

function stored() {
    try {
        return localStorage.getItem(STORE) ?? "";
    } catch {
        return "";
    }
}

/* Makes @button go through the themes; @changed is called after each change. */
export function themeButton(button, changed = () => {}) {
    const set = (theme) => {
        document.documentElement.dataset.theme = theme;
        button.textContent = THEMES[theme];
        button.setAttribute("aria-label", `Colours: ${THEMES[theme].slice(2)}`);
        button.title = "Light, dark, or as the system has it";
        changed();
    };
    let theme = stored();
    set(theme in THEMES ? theme : (theme = ""));
    button.addEventListener("click", () => {
        const names = Object.keys(THEMES);
        theme = names[(names.indexOf(theme) + 1) % names.length];
        try {
            localStorage.setItem(STORE, theme);
        } catch {
            /* not kept, then */
        }
        set(theme);
    });
}
