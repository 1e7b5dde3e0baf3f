import { html, render } from "./vendor/preact.js";

render(html`<h1>Ledgerline</h1>`, document.getElementById("app"));
