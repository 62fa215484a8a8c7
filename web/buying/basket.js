// A buyer's booking of one event: seats are taken and released one call at a time, and what the
// server says of the booking is what counts.

import { change, get } from "../base/api.js";
import { pageOf } from "./payment.js";
import { throughRoom } from "./waiting.js";

const OPEN = new Set(["CREATED", "PAYMENT_INITIATED"]);
// After a reset there is no such booking, or it is somebody else's.
const GONE = new Set([403, 404]);
const LOOKED_AT = 5; // bookings of one event; whoever has bought more often waits for no more reads

/** Tells of every change by the event "change"; of each call that waits by "wait". */
export class Basket extends EventTarget {
  /** @param {number} eventId @param {import("../base/session.js").Session} session */
  constructor(eventId, session) {
    super();
    this.eventId = eventId;
    this.session = session;
    this._forget();
    /** Calls run one after another: the second seat needs the booking that the first one makes. */
    this.queue = Promise.resolve();
  }

  _forget() {
    this.bookingId = 0;
    /** Of the booking that was read last; it says what became of one that is over. */
    this.status = "";
    /** @type {Set<number>} ids of the seats held */
    this.seats = new Set();
    this.expiresAt = 0;
    this.page = "";
  }

  /** Go on with the likeliest booking of this event that is still open; with none, if all are over. */
  restore() {
    return this._next(async () => {
      const likely = await this._likely();
      if (!likely.includes(this.bookingId)) this._become(null);
      for (const id of likely) {
        await this._read(id);
        if (this.bookingId) return;
      }
    });
  }

  /** Ids of this buyer's: the one that is shown, then those with seats, the newest first. */
  async _likely() {
    if (!this.session.authorization) return [];
    const bookings = await this._get("/api/bookings");
    const rank = (one) => (one.id === this.bookingId ? 2 : Number(one.seats.length > 0));
    return bookings
      .filter((one) => one.event_id === this.eventId)
      .reverse()
      .sort((one, two) => rank(two) - rank(one))
      .slice(0, LOOKED_AT)
      .map((one) => one.id);
  }

  /** Take a seat; the first one makes the booking. */
  pick(seatId) {
    return this._next(async () => {
      await throughRoom(this.eventId, this.session, async () => {
        await this._open();
        await this._change("/api/seats/select", { booking_id: this.bookingId, seat_id: seatId });
      });
    }, true);
  }

  release(seatId) {
    return this._next(() => this._change("/api/seats/release", { seat_id: seatId }), true);
  }

  /** Take the best `count` seats side by side; answers them. @param {string} zone "": any */
  together(count, zone) {
    return this._next(() =>
      throughRoom(this.eventId, this.session, async () => {
        await this._open();
        const wanted = { booking_id: this.bookingId, count, ...(zone && { zone }) };
        return (await this._change("/x/seats/together", wanted)).seats;
      }), true);
  }

  /** Let all seats go; what was paid for meanwhile is shown instead: nobody asked to return it. */
  cancel() {
    return this._next(async () => {
      await this._look();
      // A payment that is captured between look and call is returned: the call takes no condition.
      const wanted = { booking_id: this.bookingId };
      if (this.bookingId) await this._change("/api/bookings/cancel", wanted);
    }, true);
  }

  /** What the server says of the booking now. */
  refresh() {
    return this._next(() => this._look());
  }

  async _look() {
    if (!this.bookingId) return;
    try {
      await this._read(this.bookingId);
    } catch (error) {
      if (!GONE.has(error.status)) throw error;
      this._become(null);
    }
  }

  /**
   * @template T
   * @param {() => Promise<T>} work
   * @returns {Promise<T>}
   */
  _next(work, readsAfter = false) {
    const result = this.queue.then(async () => {
      try {
        return await work();
      } finally {
        // After a refusal as well: it may have been about a booking that is over.
        if (readsAfter) await this._look().catch(() => {});
      }
    });
    this.queue = result.then(() => {}, () => {});
    return result;
  }

  async _open() {
    if (this.bookingId) return;
    const made = await this._change("/api/bookings", { event_id: this.eventId }, "POST");
    this.bookingId = made.id;
  }

  async _read(bookingId) {
    this._become(await this._get(`/x/bookings/${bookingId}`));
  }

  _become(booking) {
    this._forget();
    this.status = booking?.status ?? "";
    if (OPEN.has(this.status)) {
      this.bookingId = booking.id;
      this.seats = new Set(booking.seats.map((seat) => seat.id));
      this.expiresAt = booking.expires_at ? Date.parse(booking.expires_at) : 0;
      this.page = pageOf(booking);
    }
    this.dispatchEvent(new Event("change"));
  }

  _get(path) {
    return this.session.asking((asking) => get(path, asking));
  }

  _change(path, body, method = "PATCH") {
    const onWait = (problem) => this.dispatchEvent(new CustomEvent("wait", { detail: problem }));
    return this.session.asking((asking) =>
      change(/** @type {"PATCH"} */ (method), path, body, { ...asking, onWait }),
    );
  }
}
