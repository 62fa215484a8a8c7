// A stream of server-sent events as it comes through fetch, which can say who asks and hears comments;
// EventSource does neither, so it never learns that nobody is there any more.

const SILENCE_MS = 40_000; // a comment comes every 15 s: without one the connection is dead

/**
 * Take every message, one after the other, until the stream ends or is silent for too long.
 * @param {Response} answer @param {AbortSignal} signal
 * @param {(told: any) => void | Promise<void>} take
 */
export async function readEvents(answer, signal, take) {
  const reader = /** @type {ReadableStream} */ (answer.body).getReader();
  const events = new EventReader();
  const decoder = new TextDecoder();
  const read = async () => {
    const silence = setTimeout(() => reader.cancel(), SILENCE_MS);
    // A connection that breaks off is an end like any other: we ask anew.
    const { done, value } = await reader.read().catch(() => ({ done: true, value: undefined }));
    clearTimeout(silence);
    signal.throwIfAborted();
    return done ? null : events.take(decoder.decode(value, { stream: true }));
  };
  try {
    for (let told = await read(); told !== null; told = await read()) {
      for (const data of told) await take(JSON.parse(data));
    }
  } finally {
    reader.cancel().catch(() => {}); // whoever takes no more doesn't stay in the audience
  }
}

/** Gathers pieces of text into messages. */
export class EventReader {
  constructor() {
    this.rest = "";
    /** @type {string[]} */
    this.data = [];
  }

  /**
   * The data of every message that this piece completes; comments are nobody's news.
   * @param {string} text @returns {string[]}
   */
  take(text) {
    const lines = (this.rest + text).split("\n");
    this.rest = lines.pop() ?? "";
    return lines.map((line) => this._line(line.replace(/\r$/, ""))).filter((data) => data !== null);
  }

  _line(line) {
    if (line === "") return this._message();
    if (line.startsWith("data:")) this.data.push(line.slice(5).replace(/^ /, ""));
    return null;
  }

  _message() {
    if (this.data.length === 0) return null;
    const data = this.data.join("\n");
    this.data = [];
    return data;
  }
}
