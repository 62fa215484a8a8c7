// The door: a code is typed or scanned, the ticket shown large, its holder admitted once.

import { change, get, Problem } from "../base/api.js";
import { byId, setShown, setText, whileBusy } from "../base/dom.js";
import { requireLogin } from "../base/login.js";
import { alarm, beginPage } from "../base/page.js";
import { told } from "../base/problems.js";
import { staff } from "../base/session.js";
import { hallTime, hereTime, say } from "../base/words.js";

const LOOK_MS = 250;
const LOOKS_UNSEEN = 8; // so many without the code, and it may be scanned again

/** Whose ticket is on the screen: nobody is admitted by another one's code. */
let shown = "";
/** How often somebody was asked for: an answer about whoever came before is too late. */
let turns = 0;
let isAdmitting = false;
let camera = null;

beginPage("box.title", staff);
byId("check").addEventListener("submit", (event) => {
  event.preventDefault();
  void check(byId("code").value.trim());
});
byId("admit").addEventListener("click", () => whileBusy(byId("admit"), admit));
byId("next").addEventListener("click", begin);
byId("scan").addEventListener("click", () => (camera ? stop() : whileBusy(byId("scan"), scan)));
setShown(byId("scan"), "BarcodeDetector" in window && Boolean(navigator.mediaDevices));
staff.addEventListener("change", clear);
begin();
void requireLogin(staff, say("box.needed"));

function begin() {
  turns += 1;
  clear();
  byId("code").value = "";
  byId("code").focus();
}

/** Show nobody's ticket. */
function clear() {
  shown = "";
  setShown(byId("found"), false);
}

async function check(code) {
  if (isAdmitting) return; // what becomes of that is to be seen first
  const turn = (turns += 1);
  clear();
  byId("code").value = code;
  try {
    await requireLogin(staff, say("box.needed"));
    const ticket = await staff.asking((asking) => get(address(code), asking));
    if (turn !== turns || !staff.authorization) return; // another was asked for, or nobody is here
    shown = code;
    show(ticket, false);
  } catch (error) {
    if (turn === turns) refuse(error);
  }
}

async function admit() {
  const code = shown;
  isAdmitting = true;
  try {
    await requireLogin(staff, say("box.needed"));
    const admitting = (asking) => change("POST", `${address(code)}/admit`, {}, asking);
    show(await staff.asking(admitting), true);
  } catch (error) {
    refuse(error);
  } finally {
    isAdmitting = false;
  }
}

function address(code) {
  return `/x/tickets/${encodeURIComponent(code)}`;
}

/** @param {boolean} isJustIn whether this very call has let its holder in */
function show(ticket, isJustIn) {
  const isIn = ticket.admitted_at !== "";
  if (isJustIn) verdict("box.justAdmitted", "good");
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
  void look(video, new /** @type {any} */ (window).BarcodeDetector({ formats: ["qr_code"] }));
}

/** Look for a code until there is one that wasn't just seen, or the camera is off. */
async function look(video, detector) {
  const ours = camera;
  let last = "";
  let unseen = 0;
  while (ours && camera === ours) {
    const [seen] = await detector.detect(video).catch(() => []);
    unseen = seen ? 0 : unseen + 1;
    if (unseen === LOOKS_UNSEEN) last = "";
    if (seen && seen.rawValue !== last && !isAdmitting) {
      last = seen.rawValue;
      await check(last);
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
