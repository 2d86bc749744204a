import type { Guard } from './guard.ts';
import { only, stemOf, wordTexts } from './words.ts';

/** `left | right`, stems as `stemOf` makes them are found by themselves. */
const OPPOSITES = `
on | off
in | out
up | down
ein | aus
open | close shut
add | remove delete subtract
buy purchase | sell
rise raise increase grow gain | fall drop decrease reduce decline shrink lose
raise | lower
high higher highest tall | low lower lowest
large larger largest big bigger biggest great greater | small smaller smallest little tiny
long longer longest | short shorter shortest
more most | less least fewer fewest
max maximum | min minimum
start begin launch | stop end halt
show display visible | hide hidden
send sent | receive received
push | pull
give | get receive
get | make
lend | borrow
hire | fire dismiss
accept approve agree | decline reject deny refuse
allow permit | forbid prohibit ban block
win won | lose lost
early earlier earliest | late later latest
hot warm | cold cool
cheap cheaper cheapest | expensive pricey
benefit advantage pro | risk drawback disadvantage danger harm con
acute | chronic
gross | net
deposit | withdraw withdrawal
ascending | descending
arrive arrival | depart departure leave
freeze | thaw defrost melt
plaintiff | defendant
old older oldest | new newer newest young younger youngest
first | last final
best better | worst worse
easy easier simple | hard harder difficult complex
fast faster quick quicker | slow slower
wet | dry
full | empty
strong stronger | weak weaker
positive | negative
public | private
read | write
input | output
import | export
upload | download
true | false
left | right
before until | after since
bevor | nachdem
avant | après
antes | después
above over | below under
inside indoor | outside outdoor
safe | dangerous unsafe
sync synchronous | async asynchronous
client | server
mother | father
male man men boy | female woman women girl
wife | husband
asset | liability
debit | credit
profit | loss
supply | demand
landlord | tenant
employer | employee
kaufen kauf | verkaufen verkauf
öffnen öffne öffnet eröffnen | schließen schließe schließt
hoch hohe hohen hoher hohes höher | niedrig niedrige niedrigen niedriger tief tiefe
groß große größer größte | klein kleine kleiner kleinste
mehr | weniger
anfang beginnen beginnt | ende enden endet
erhöhen steigern | senken verringern
hinzufügen | entfernen löschen
warm heiß | kalt
ouvrir | fermer
acheter | vendre
plus | moins
haut haute élevé élevée | bas basse faible
grand grande | petit petite
augmenter | diminuer baisser réduire
chaud chaude | froid froide
ajouter | supprimer enlever
abrir abro | cerrar cierro
comprar compro | vender vendo
subir aumentar | bajar reducir
más | menos
alto alta | bajo baja
grande | pequeño pequeña
caliente | frío fría
`;

interface Opposites {
  left: ReadonlySet<string>;
  right: ReadonlySet<string>;
}

const TABLE: readonly Opposites[] = OPPOSITES.trim()
  .split('\n')
  .map((line) => {
    const [left = '', right = ''] = line.split('|');
    const stems = (words: string) => new Set(words.trim().split(' ').map(stemOf));
    return { left: stems(left), right: stems(right) };
  });

const BY_STEM = new Map<string, number[]>();
for (const [row, { left, right }] of TABLE.entries())
  for (const stem of [...left, ...right]) BY_STEM.set(stem, [...(BY_STEM.get(stem) ?? []), row]);

/** Said before a word, each turns it round. */
const REVERSERS = ['un', 'dis', 'in', 'im', 'il', 'ir', 'non', 'de', 'des', 'dés', 'mis', 'a', 'anti'];
/** One in the place of the other turns a word round. */
const PREFIX_PAIRS = [
  ['en', 'de'],
  ['in', 'ex'],
  ['im', 'ex'],
  ['up', 'down'],
  ['in', 'de'],
  ['hyper', 'hypo'],
  ['over', 'under'],
  ['pre', 'post'],
  ['in', 'out'],
  ['ein', 'aus'],
  ['auf', 'zu'],
  ['macro', 'micro'],
  ['intra', 'inter'],
  ['ab', 'an'],
] as const;
const SHORTEST_REST = 3;

const UNSPACED: readonly (readonly [RegExp, RegExp])[] = [
  [/オン/u, /オフ/u],
  [/打开|开启/u, /关闭|关掉/u],
  [/有効/u, /無効/u],
  [/買/u, /売/u],
  [/买/u, /卖/u],
  [/高/u, /低/u],
  [/大/u, /小/u],
  [/多/u, /少/u],
  [/増/u, /減/u],
  [/增加/u, /减少/u],
  [/開/u, /閉/u],
  [/上げ/u, /下げ/u],
  [/前/u, /後|后/u],
];

/** A word of one whose opposite the other has in its stead. */
export const differInAntonyms: Guard = (a, b) => {
  const left = new Set(wordTexts(a));
  const right = new Set(wordTexts(b));
  const onlyLeft = new Set(only(left, right));
  const onlyRight = new Set(only(right, left));
  return (
    opposedByTable(stems(left), stems(right)) ??
    opposedByPrefix(onlyLeft, onlyRight) ??
    opposedByPrefix(onlyRight, onlyLeft) ??
    opposedUnspaced(a, b)
  );
};

const stems = (words: ReadonlySet<string>): Set<string> => new Set([...words].map(stemOf));

const opposedByTable = (a: ReadonlySet<string>, b: ReadonlySet<string>): string | undefined => {
  for (const stem of a) {
    if (b.has(stem)) continue;
    for (const row of BY_STEM.get(stem) ?? []) {
      const opposites = TABLE[row];
      if (opposites === undefined) continue;
      const [own, other] = opposites.left.has(stem)
        ? [opposites.left, opposites.right]
        : [opposites.right, opposites.left];
      const found = [...other].find((word) => b.has(word) && !a.has(word));
      if (found !== undefined && ![...own].some((word) => b.has(word))) return `${stem} and ${found}`;
    }
  }
  return undefined;
};

const opposedByPrefix = (a: ReadonlySet<string>, b: ReadonlySet<string>): string | undefined => {
  for (const word of a) {
    // Longer than any word, and each prefix would copy it.
    if (word.length > 40) continue;
    for (const prefix of REVERSERS)
      if (word.startsWith(prefix) && word.length - prefix.length >= SHORTEST_REST && b.has(word.slice(prefix.length)))
        return `${word} and ${word.slice(prefix.length)}`;
    for (const [one, two] of PREFIX_PAIRS)
      for (const [from, to] of [
        [one, two],
        [two, one],
      ] as const) {
        const rest = word.slice(from.length);
        if (word.startsWith(from) && rest.length >= SHORTEST_REST && b.has(`${to}${rest}`))
          return `${word} and ${to}${rest}`;
      }
  }
  return undefined;
};

const opposedUnspaced = (a: string, b: string): string | undefined => {
  for (const [one, two] of UNSPACED) {
    const [aOne, aTwo, bOne, bTwo] = [one.test(a), two.test(a), one.test(b), two.test(b)];
    if ((aOne && !aTwo && bTwo && !bOne) || (aTwo && !aOne && bOne && !bTwo)) return `${one.source} and ${two.source}`;
  }
  return undefined;
};
