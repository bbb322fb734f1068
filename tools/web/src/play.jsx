import { render } from "preact";

render(<h1>Realign</h1>, document.getElementById("app"));
