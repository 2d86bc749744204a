/** What is wrong with a configuration. */
export interface ConfigProblem {
  /** `models.assistant.targets[0].model`; '' for the file as a whole. */
  path: string;
  /** What was got, what is allowed, what to do. Never holds a key. */
  message: string;
}

const PLAIN_NAME = /^[A-Za-z_$][\w$-]*$/;

/** Writes a path the way it would be written in code: `models["gpt-4.1"].targets[0]`. */
export const pathText = (path: readonly PropertyKey[]): string =>
  path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    const name = String(part);
    if (!PLAIN_NAME.test(name)) return `${text}[${JSON.stringify(name)}]`;
    return text === '' ? name : `${text}.${name}`;
  }, '');

export const problemText = ({ path, message }: ConfigProblem): string =>
  path === '' ? message : `${path}: ${message}`;

const LONGEST_QUOTE = 40;
/** What vendors' keys begin with: a key in the wrong field must not reach a log by way of an error message. */
const LOOKS_SECRET = /^(sk|pk|rk|gsk|xai|tg|ABSK|AKIA|ASIA|AIza|ghp|hf|Bearer)[-_ A-Za-z0-9]/i;

/** A value as an error message shows it: its text where that is short and no key, else its kind. */
export const shown = (value: unknown): string => {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === 'string')
    return value.length > LONGEST_QUOTE || (value.length > 10 && LOOKS_SECRET.test(value))
      ? `a string of ${value.length} characters`
      : JSON.stringify(value);
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return String(value);
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
};

/** ` Did you mean "targets"?`, or '' where nothing is near. */
export const didYouMean = (word: string, candidates: Iterable<string>): string => {
  let nearest: string | undefined;
  let least = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase(), least);
    if (distance >= least) continue;
    least = distance;
    nearest = candidate;
  }
  return nearest === undefined ? '' : ` Did you mean "${nearest}"?`;
};

/** Insertions, deletions, replacements and swaps of neighbours between two words; at least `limit` where it is that or more. */
const editDistance = (a: string, b: string, limit: number): number => {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const isSame = a[row - 1] === b[column - 1];
      const isSwap = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      current[column] = Math.min(
        (previous[column] ?? limit) + 1,
        (current[column - 1] ?? limit) + 1,
        (previous[column - 1] ?? limit) + (isSame ? 0 : 1),
        isSwap ? (before[column - 2] ?? limit) + 1 : limit,
      );
    }
    before = previous;
    previous = current;
  }
  return previous[b.length] ?? limit;
};
