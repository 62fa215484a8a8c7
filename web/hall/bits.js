// The seat map as it comes: eight bytes of version, then two bits a seat.

export const FREE = 0;
export const RESERVED = 1;
export const SOLD = 2;
export const WITHHELD = 3;

const HEADER_BYTES = 8;

/**
 * @param {ArrayBuffer} bytes
 * @param {number} seats how many the hall has
 * @returns {{version: number, states: Uint8Array}} a state a seat
 */
export function unpack(bytes, seats) {
  const version = Number(new DataView(bytes).getBigUint64(0));
  return { version, states: statesOf(new Uint8Array(bytes, HEADER_BYTES), seats) };
}

/** A state a seat, of two bits a seat. @param {Uint8Array} packed @param {number} seats */
export function statesOf(packed, seats) {
  if (packed.length * 4 < seats) throw new RangeError("the seat map is shorter than the hall");
  const states = new Uint8Array(seats);
  for (let seat = 0; seat < seats; seat += 1) {
    states[seat] = (packed[seat >> 2] >> (2 * (seat & 3))) & 3;
  }
  return states;
}
