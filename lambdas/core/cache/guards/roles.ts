import { HELPING } from './frame.ts';

/** The part that a small word gives to what follows it. */
export type Role =
  | 'from'
  | 'to'
  | 'than'
  | 'with'
  | 'by'
  | 'about'
  | 'for'
  | 'at'
  | 'of'
  | 'until'
  | 'before'
  | 'after'
  | 'during'
  | 'without'
  | 'against'
  | 'between'
  | 'if'
  | 'given';

const WORDS: Readonly<Record<Role, string>> = {
  from: 'from von vom aus de del desde du depuis da dal dalla do',
  to: 'to into nach zu zum zur ins à hasta towards onto an',
  than: 'than als',
  with: 'with mit avec con com using via',
  by: 'by durch par por per',
  about: 'about über sobre regarding concerning',
  for: 'for für pour para',
  at: 'at in on im am en dans em na no nel nella within inside',
  of: 'of des',
  until: 'until till bis jusque',
  before: 'before vor bevor avant antes prima',
  after: 'after nachdem après después depois dopo',
  during: 'during while während pendant durante',
  without: 'without ohne sans sin sem senza',
  against: 'against gegen contre contra versus vs',
  between: 'between zwischen entre',
  if: '',
  given: '',
};
const ROLES: ReadonlyMap<string, Role> = new Map(
  (Object.entries(WORDS) as [Role, string][]).flatMap(([role, words]) =>
    words.split(' ').map((word) => [word, role] as const),
  ),
);
/** Where these words are prepositions; elsewhere they are others. */
const ONLY_IN: Readonly<Record<string, readonly string[]>> = {
  do: ['portuguese'],
  da: ['italian', 'portuguese'],
  no: ['portuguese'],
  na: ['portuguese'],
  par: ['french'],
  an: ['german'],
  am: ['german'],
  als: ['german'],
  vor: ['german'],
  des: ['french', 'german'],
  prima: ['italian'],
  per: ['italian'],
};
const NONE = new Set('no kein keine keinen keinem keiner aucun aucune ningún ninguna'.split(' '));
const GERMAN_ARTICLES = new Set('der dem den einer einem meiner meinem'.split(' '));

/** After them `to` begins a verb. */
const VERB_FOLLOWS = new Set(
  'how possible able allowed permitted have has had need needs want going like legal illegal safe okay ok best way better smart required necessary supposed what where when me us refuse easy hard difficult good bad'.split(
    ' ',
  ),
);

/** @param next the word after it: `nach Wien` is to, `nach der Arbeit` after */
export const readRole = (
  word: string,
  previous: string,
  next: string,
  language: string | undefined,
): Role | undefined => {
  const languages = ONLY_IN[word];
  if (word === 'to' && VERB_FOLLOWS.has(previous)) return undefined;
  if (languages !== undefined && !languages.includes(language ?? '')) return undefined;
  if (ROLES.get(word) === 'with' && NONE.has(next)) return 'without';
  if (word === 'nach' && GERMAN_ARTICLES.has(next)) return 'after';
  if (word === 'a' && ['spanish', 'portuguese', 'italian'].includes(language ?? '')) return 'to';
  // "De" is of as much as from: only beside "a" it says a direction.
  return ROLES.get(word);
};

const RESET = new Set(
  'i we you he she it they me us him them ich wir du er sie es man je tu il elle on nous vous yo and or but if when whether that which who what und oder wenn ob dass et ou si quand y que quando e'.split(
    ' ',
  ),
);
/** After it another part of the sentence begins. */
export const resetsRole = (word: string): boolean => RESET.has(word) || HELPING.has(word);

/** Roles that one thing may be told with. */
const LOOSE: readonly ReadonlySet<Role>[] = [
  new Set(['for', 'of', 'at']),
  new Set(['to', 'for']),
  new Set(['to', 'at']),
  new Set(['with', 'by']),
  new Set(['with', 'at']),
  new Set(['from', 'by']),
  new Set(['from', 'of']),
  new Set(['about', 'of', 'at']),
  new Set(['during', 'at']),
  new Set(['of', 'between', 'for']),
];

/** Without a role a word may have any, but for what is compared. */
export const isCompatible = (a: Role | undefined, b: Role | undefined): boolean => {
  if (a === b) return true;
  if (a === undefined || b === undefined) return a !== 'than' && b !== 'than';
  return LOOSE.some((set) => set.has(a) && set.has(b));
};
