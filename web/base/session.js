// Who is at the keyboard. The browser forgets it with the tab, and nothing is sent by itself.

import { get, Problem } from "./api.js";
import { remember, remembered } from "./memory.js";

/** "Basic …" in UTF-8: names hold Cyrillic letters. */
export function basic(name, password) {
  const bytes = new TextEncoder().encode(`${name}:${password}`);
  return `Basic ${btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""))}`;
}

/** A login of one kind; buyers and staff are told apart by what lets them in. */
export class Session extends EventTarget {
  /** @param {string} kind @param {string} door an address that answers whoever may come in */
  constructor(kind, door) {
    super();
    this.kind = kind;
    this.door = door;
  }

  /** The Authorization header; "" when nobody is logged in. */
  get authorization() {
    return remembered(`${this.kind}-authorization`);
  }

  get name() {
    return remembered(`${this.kind}-name`);
  }

  /** Raises a Problem where name and password don't fit. */
  async enter(name, password) {
    const authorization = basic(name, password);
    await get(this.door, { authorization });
    this._become(authorization, name);
  }

  leave() {
    this._become("", "");
  }

  _become(authorization, name) {
    remember(`${this.kind}-authorization`, authorization);
    remember(`${this.kind}-name`, name);
    this.dispatchEvent(new Event("change"));
  }

  /**
   * Call with this login; a password that holds no more ends it.
   * @template T
   * @param {(asking: {authorization: string}) => Promise<T>} call
   */
  async asking(call) {
    const { authorization } = this;
    try {
      return await call({ authorization });
    } catch (error) {
      const isRefused = error instanceof Problem && error.name === "unauthenticated";
      // Whoever has come meanwhile isn't meant by an answer to the one before.
      if (isRefused && authorization === this.authorization) this.leave();
      throw error;
    }
  }
}

export const buyer = new Session("buyer", "/api/bookings");
export const staff = new Session("staff", "/x/staff");
