/** A plot and, beside it, the table of what it shows: a canvas tells nothing to who cannot see it. */

import { html, useEffect, useRef } from "../vendor/preact.js";
import { day } from "../lib/dates.js";
import { decimal, money } from "../lib/money.js";

/** What one day alone has on either side: left to itself, the plot gives it two years. */
const WEEK_S = 7 * 86_400;

/**
 * Lines over days.
 * @param {{title: string, at: string[], series: Array<{name: string, values: Array<number|null>}>, currency?: string, height?: number}} props
 *   at: instants; values: micro-units where there is a currency, else plain numbers
 */
export function Plot({ title, at, series, currency, height = 220 }) {
  const place = useRef(null);
  const shown = (value) => (value === null || value === undefined ? "—" : currency ? money(value, currency) : String(value));
  useEffect(() => {
    let plot = null;
    let gone = false;
    import("../vendor/uplot.js").then(({ default: UPlot }) => {
      if (gone) return;
      const style = getComputedStyle(document.documentElement);
      const ink = style.getPropertyValue("--quiet").trim() || "#666";
      const axis = { stroke: ink, grid: { stroke: "rgba(128,128,128,.2)", width: 1 } };
      const scaled = (value) => (currency ? Number(decimal(value, currency)) : value); // where a line is drawn, to the pixel
      plot = new UPlot({
        width: place.current.clientWidth, height, cursor: { drag: { x: false, y: false } }, legend: { show: false },
        axes: [axis, { ...axis, size: 70 }],
        scales: { x: { range: (_, from, to) => (from < to ? [from, to] : [from - WEEK_S, to + WEEK_S]) } },
        series: [{}, ...series.map((each, index) => ({ label: each.name, width: 2, stroke: style.getPropertyValue(`--line-${index % 4}`).trim() || "#0b4f9e" }))],
      }, [at.map((each) => Date.parse(each) / 1000), ...series.map((each) => each.values.map((value) => (value === null ? null : scaled(value))))], place.current);
    });
    const fit = () => plot?.setSize({ width: place.current.clientWidth, height });
    window.addEventListener("resize", fit);
    return () => {
      gone = true;
      window.removeEventListener("resize", fit);
      plot?.destroy();
    };
  }, [title, JSON.stringify(series), at.join()]);
  return html`<figure class="plot">
    <figcaption>${title}${series.length > 1 && html` <span class="legend">${series.map((each, index) => html`<span class=${`key line-${index % 4}`}>${each.name}</span>`)}</span>`}</figcaption>
    <div ref=${place} aria-hidden="true"></div>
    <details><summary>As a table</summary><div class="scroll" tabindex="0" role="region" aria-label=${title}><table>
      <caption class="hidden">${title}</caption>
      <thead><tr><th scope="col">Day</th>${series.map((each) => html`<th scope="col" class="number">${each.name}</th>`)}</tr></thead>
      <tbody>${at.map((each, index) => html`<tr><th scope="row">${day(each)}</th>${series.map((one) => html`<td class="number">${shown(one.values[index])}</td>`)}</tr>`)}</tbody>
    </table></div></details>
  </figure>`;
}
