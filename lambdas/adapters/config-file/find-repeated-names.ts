/** A text, or one of what gives JSON its shape. */
const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\]:,]/g;

/**
 * Names that an object of a JSON text has twice, as paths such as `models.demo.targets[0].model`: `JSON.parse` takes the last and says
 * nothing, so a second budget of a team would silently undo the first.
 *
 * @param text that `JSON.parse` has taken
 */
export const findRepeatedNames = (text: string): string[] => {
  const repeated = new Set<string>();
  /** The objects and lists around; a list has no names. */
  const around: { path: string; names: Set<string> | undefined; name: string }[] = [];
  let last = '';
  for (const [token] of text.matchAll(TOKEN)) {
    const inside = around.at(-1);
    if (token === '{' || token === '[') {
      const path = inside === undefined ? '' : pathOf(inside);
      around.push({ path, names: token === '{' ? new Set() : undefined, name: token === '[' ? '0' : '' });
    } else if (token === '}' || token === ']') around.pop();
    else if (token === ':' && inside?.names !== undefined) {
      const name = JSON.parse(last) as string;
      inside.name = name;
      if (inside.names.has(name)) repeated.add(pathOf(inside));
      inside.names.add(name);
    } else if (token === ',' && inside !== undefined && inside.names === undefined)
      inside.name = String(Number(inside.name) + 1);
    last = token;
  }
  return [...repeated];
};

const pathOf = ({
  path,
  names,
  name,
}: {
  path: string;
  names: ReadonlySet<string> | undefined;
  name: string;
}): string => {
  if (names === undefined) return `${path}[${name}]`;
  return path === '' ? name : `${path}.${name}`;
};
