/** What a command has to say: for people, and for programs (`--json`). */
export interface Output {
  text: string;
  /** JSON-ready: snake_case, times as ISO 8601, amounts as decimal strings of US dollars. */
  data: unknown;
  /** Told on stderr, with `--json` too. */
  warnings?: readonly string[];
}

/** A command that could not do what it was asked to; the message is for the one who asked. Exit code 1. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed';
  /** What was found out all the same. */
  readonly output: Output | undefined;

  constructor(message: string, output?: Output) {
    super(message);
    this.output = output;
  }
}

/** Asked for in a way that can't be served. Exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Names come from many hands: nothing in them may move the cursor, colour the rest, or turn its direction. */
export const printable = (text: string): string => text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '\uFFFD');

/** Rows in columns as wide as their widest cell; the first row is the heading. */
export const table = (rows: readonly (readonly string[])[]): string => {
  const cells = rows.map((row) => row.map(printable));
  const widths = (cells[0] ?? []).map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  return cells
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
};

/** Name and value, one pair a line. */
export const fields = (pairs: readonly (readonly [string, string])[]): string => table(pairs);

export const isoTime = (timeMs: number): string => new Date(timeMs).toISOString();

/** To the second, for people. */
export const shortTime = (timeMs: number): string =>
  isoTime(timeMs)
    .replace('T', ' ')
    .replace(/\.\d+Z$/, 'Z');
