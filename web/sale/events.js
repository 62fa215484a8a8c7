// A stream of server-sent events as it comes through fetch, which can say who asks; EventSource can't.

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
