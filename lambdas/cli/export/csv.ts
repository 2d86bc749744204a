/** A cell: text, a number written out in full, or nothing. */
export type Cell = { text: string } | { number: string } | null;

export const text = (value: string | null | undefined): Cell =>
  value === undefined || value === null || value === '' ? null : { text: value };

/** @param value digits, at most one point, perhaps a minus: never by way of floating point */
export const number = (value: string): Cell => ({ number: value });

/** What spreadsheets take for the beginning of a formula, also after blanks, and in its full-width spelling. */
const FORMULA = /^[\s\u00A0\uFEFF]*[=+\-@\uFF1D\uFF0B\uFF0D\uFF20]|^[\t\r\n]/;

/**
 * One line of CSV as RFC 4180 has it. Text is quoted, nothing is left empty, numbers are bare. Text that a spreadsheet would
 * compute gets an apostrophe in front: names and tags come from many hands.
 */
export const csvLine = (cells: readonly Cell[]): string => `${cells.map(writeCell).join(',')}\r\n`;

const writeCell = (cell: Cell): string => {
  if (cell === null) return '';
  if ('number' in cell) {
    if (!/^-?\d+(\.\d+)?$/.test(cell.number)) throw new RangeError(`${JSON.stringify(cell.number)} is no plain number`);
    return cell.number;
  }
  const safe = FORMULA.test(cell.text) ? `'${cell.text}` : cell.text;
  return `"${safe.replaceAll('"', '""')}"`;
};
