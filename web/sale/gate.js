// Lets staff in. Without a login a page of theirs shows nothing but the way to it.

import { get } from "../base/api.js";
import { byId, setShown, setText } from "../base/dom.js";
import { requireLogin } from "../base/login.js";
import { alarm } from "../base/page.js";
import { told } from "../base/problems.js";
import { staff } from "../base/session.js";
import { isSaid, say } from "../base/words.js";

/** Resolves once somebody of the staff is at the keyboard; the page begins anew when they leave. */
export async function staffInside() {
  const gate = byId("gate");
  setShown(gate, staff.authorization === "");
  if (staff.authorization === "") await entered();
  staff.addEventListener("change", () => {
    if (staff.authorization === "") location.reload();
  });
  setShown(gate, false);
  setShown(byId("inside"), true);
  await showWho();
}

function entered() {
  return new Promise((resolve) => {
    byId("enter").addEventListener("click", async () => {
      if (await requireLogin(staff)) resolve(undefined);
    });
  });
}

async function showWho() {
  try {
    const { name, role } = await staff.asking((asking) => get("/x/staff", asking));
    const said = isSaid(`role.${role}`) ? say(`role.${role}`) : role;
    setText(byId("who"), say("staff.who", { name, role: said }));
  } catch (problem) {
    alarm(told(problem));
  }
}
