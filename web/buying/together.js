// The form that takes the best seats side by side.

import { byId, make, whileBusy } from "../base/dom.js";
import { say } from "../base/words.js";

const COUNT_MAX = 20;

/**
 * @param {import("../hall/hall.js").Zone[]} zones
 * @param {(count: number, zone: string) => Promise<void>} take
 */
export function beginTogether(zones, take) {
  const form = byId("together");
  const zone = byId("together-zone");
  const count = byId("together-count");
  zone.replaceChildren(
    make("option", { value: "" }, say("event.anyZone")),
    ...zones.map((one) => make("option", { value: one.name }, one.name)),
  );
  for (let n = 1; n <= COUNT_MAX; n += 1) count.append(make("option", { value: n }, String(n)));
  count.value = "2";
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    await whileBusy(form.querySelector("button"), () => take(Number(count.value), zone.value));
  });
}
