import { readFileSync } from 'node:fs';

/**
 * The commands of a page's blocks of `bash`, block by block, as they are written.
 *
 * @param heading of the section (any level); its subsections count too
 * @throws {Error} when there is no such section, or no command in it
 */
export const commandsOf = (file: string, heading: string): string[][] => {
  const lines = readFileSync(file, 'utf8').split('\n');
  const levelOf = (line: string): number => /^(#+) /.exec(line)?.[1]?.length ?? 0;
  const from = lines.findIndex((line) => levelOf(line) > 0 && line.replace(/^#+ /, '') === heading);
  if (from < 0) throw new Error(`${file} has no section "${heading}"`);
  const level = levelOf(lines[from] ?? '');
  const blocks: string[][] = [];
  let block: string[] | undefined;
  let isOther = false;
  for (const line of lines.slice(from + 1)) {
    if (line.startsWith('```')) {
      if (block === undefined && !isOther) {
        isOther = line !== '```bash';
        if (!isOther) block = [];
      } else {
        if (block !== undefined) blocks.push(block);
        block = undefined;
        isOther = false;
      }
      continue;
    }
    if (block !== undefined) {
      const command = line.replace(/\s+#.*$/, '').trim();
      if (command !== '') block.push(command);
    } else if (!isOther && levelOf(line) > 0 && levelOf(line) <= level) break;
  }
  if (blocks.length === 0) throw new Error(`${file} has no command under "${heading}"`);
  return blocks;
};
