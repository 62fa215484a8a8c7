// The door: a code is typed or scanned, the ticket shown large, its holder admitted once.

import { change, get, Problem } from "../base/api.js";
import { byId, setShown, setText, whileBusy } from "../base/dom.js";
import { requireLogin } from "../base/login.js";
import { alarm, beginPage } from "../base/page.js";
import { told } from "../base/problems.js";
import { staff } from "../base/session.js";
import { hallTime, hereTime, say } from "../base/words.js";

const LOOK_MS = 250;

let code = "";
let camera = null;

beginPage("box.title", staff);
byId("check").addEventListener("submit", (event) => {
  event.preventDefault();
  void check(byId("code").value);
});
byId("admit").addEventListener("click", () => whileBusy(byId("admit"), admit));
byId("next").addEventListener("click", begin);
byId("scan").addEventListener("click", () => (camera ? stop() : scan()));
setShown(byId("scan"), "BarcodeDetector" in window && Boolean(navigator.mediaDevices));
staff.addEventListener("change", begin);
begin();
void requireLogin(staff, say("box.needed"));

function begin() {
  code = "";
  byId("code").value = "";
  setShown(byId("found"), false);
  byId("code").focus();
}

async function check(typed) {
  code = typed.trim();
  await ask(() => staff.asking((asking) => get(address(), asking)), false);
}

async function admit() {
  await ask(() => staff.asking((asking) => change("POST", `${address()}/admit`, {}, asking)), true);
}

function address() {
  return `/x/tickets/${encodeURIComponent(code)}`;
}

async function ask(call, isAdmitting) {
  try {
    await requireLogin(staff, say("box.needed"));
    show(await call(), isAdmitting);
  } catch (error) {
    refuse(error);
  }
}

/** @param {boolean} isAdmitting whether this very call has let its holder in */
function show(ticket, isAdmitting) {
  const isIn = ticket.admitted_at !== "";
  if (isAdmitting) verdict("box.justAdmitted", "good");
  else if (isIn) verdict("box.admitted", "warn");
  else verdict(ticket.valid ? "box.valid" : "box.void", ticket.valid ? "good" : "bad");
  setText(byId("title"), ticket.title);
  const values = { zone: ticket.zone, row: String(ticket.row), number: String(ticket.number) };
  setText(byId("where"), say("box.seat", values));
  const at = isIn ? say("box.admittedAt", { time: hereTime(ticket.admitted_at) }) : "";
  const start = ticket.starts_at ? hallTime(ticket.starts_at) : "";
  setText(byId("told"), [start, at].filter(Boolean).join(" · "));
  for (const id of ["title", "where"]) setShown(byId(id), true);
  setShown(byId("admit"), ticket.valid && !isIn);
  byId(ticket.valid && !isIn ? "admit" : "next").focus();
}

/** Codes that aren't valid are an answer here; anything else is trouble. */
function refuse(error) {
  const isAnswer = error instanceof Problem && [400, 404, 419].includes(error.status);
  if (!isAnswer) {
    alarm(told(error));
    return;
  }
  verdict(error.name === "already-admitted" ? "box.admitted" : "box.void", "bad");
  for (const id of ["title", "where"]) setShown(byId(id), false);
  setText(byId("told"), told(error));
  setShown(byId("admit"), false);
  byId("next").focus();
}

function verdict(key, kind) {
  setText(byId("verdict"), say(key));
  byId("verdict").className = `verdict ${kind}`;
  setShown(byId("found"), true);
}

async function scan() {
  const video = byId("camera");
  try {
    camera = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  } catch {
    alarm(say("box.noCamera"));
    return;
  }
  video.srcObject = camera;
  setShown(video, true);
  setText(byId("scan"), say("box.stop"));
  await video.play();
  await look(video, new /** @type {any} */ (window).BarcodeDetector({ formats: ["qr_code"] }));
}

/** Look for a code until there is one that wasn't just seen, or the camera is off. */
async function look(video, detector) {
  while (camera) {
    const [seen] = await detector.detect(video).catch(() => []);
    if (seen && seen.rawValue !== code) {
      byId("code").value = seen.rawValue;
      await check(seen.rawValue);
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

function stop() {
  camera.getTracks().forEach((track) => track.stop());
  camera = null;
  byId("camera").srcObject = null;
  setShown(byId("camera"), false);
  setText(byId("scan"), say("box.scan"));
}
