/** Parts of a page that a command writes stand between `<!-- begin NAME -->` and `<!-- end NAME -->`. */

const frame = (name: string): { begin: string; end: string } => ({
  begin: `<!-- begin ${name} -->\n`,
  end: `<!-- end ${name} -->`,
});

const find = (page: string, name: string): { from: number; to: number } => {
  const { begin, end } = frame(name);
  const at = page.indexOf(begin);
  const to = page.indexOf(end);
  if (at < 0 || to < at) throw new Error(`the page has no part "${name}"`);
  return { from: at + begin.length, to };
};

/** @throws {Error} when the page has no such part */
export const readPart = (page: string, name: string): string => {
  const { from, to } = find(page, name);
  return page.slice(from, to);
};

/** @throws {Error} when the page has no such part */
export const replacePart = (page: string, name: string, text: string): string => {
  const { from, to } = find(page, name);
  return `${page.slice(0, from)}${text.trimEnd()}\n${page.slice(to)}`;
};

/** A table in Markdown. Cells may not contain line breaks. */
export const toTable = (head: readonly string[], rows: readonly (readonly string[])[]): string => {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return `${[line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')}\n`;
};
