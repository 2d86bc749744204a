import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { makeWordPiece, parseTokenizer } from '../../../lambdas/adapters/minilm/word-piece.ts';

const PIECES = [
  '[PAD]',
  '[UNK]',
  '[CLS]',
  '[SEP]',
  'un',
  '##aff',
  '##able',
  'play',
  '##ing',
  '##s',
  'a',
  '##a',
  'cafe',
  '?',
  "'",
  '-',
  '$',
  '日',
  '5',
  '##0',
  '.',
  't',
];
const vocabulary = new Map(PIECES.map((piece, id) => [piece, id]));
const tokenizer = makeWordPiece(vocabulary);
const piecesOf = (text: string) =>
  tokenizer
    .encode(text, 1_000)
    .ids.map((id) => PIECES[id])
    .slice(1, -1);

test.each([
  ['the longest piece that fits, and then the next', 'unaffable', ['un', '##aff', '##able']],
  ['case and accents are gone', 'CAFÉ Café', ['cafe', 'cafe']],
  ['accents that are signs of their own too', 'cafe\u0301', ['cafe']],
  ['punctuation stands alone', "a-a'a?", ['a', '-', 'a', "'", 'a', '?']],
  ['signs that Unicode calls symbols too', '$50', ['$', '5', '##0']],
  ['a word that does not fit to its end is unknown as a whole', 'playx', ['[UNK]']],
  ['Han signs stand alone', 'a日日a', ['a', '日', '日', 'a']],
  [
    'controls are nothing, tabs and odd spaces are spaces',
    'pl\u0000ay\tplay\u00a0play\u2009s\u200bplay',
    ['play', 'play', 'play', '[UNK]'],
  ],
  ['an empty text has no pieces', ' \n ', []],
])('%s', (_, text, pieces) => {
  expect(piecesOf(text)).toEqual(pieces);
});

test('a word of more than 100 characters is unknown', () => {
  expect(piecesOf('a'.repeat(100))).toHaveLength(100);
  expect(piecesOf('a'.repeat(101))).toEqual(['[UNK]']);
});

test('says how many words it does not know, and whether it stopped before the end', () => {
  expect(tokenizer.encode('play xyz zzz', 10)).toEqual({ ids: [2, 7, 1, 1, 3], unknown: 2, isCut: false });
  expect(tokenizer.encode('a a a a', 5)).toEqual({ ids: [2, 10, 10, 10, 3], unknown: 0, isCut: true });
  expect(tokenizer.encode('a a a', 5).isCut).toBe(false);
});

test('any text is cut, and megabytes stop at the limit', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const { ids } = tokenizer.encode(text, 64);
      expect([ids[0], ids.at(-1)]).toEqual([2, 3]);
      expect(ids.length).toBeLessThanOrEqual(64);
    }),
  );
  expect(tokenizer.encode('a '.repeat(500_000), 128).ids).toHaveLength(128);
});

test('a tokenizer of another kind is refused', () => {
  const file = {
    model: { type: 'WordPiece', vocab: Object.fromEntries(vocabulary), continuing_subword_prefix: '##' },
    normalizer: { type: 'BertNormalizer', lowercase: true },
    pre_tokenizer: { type: 'BertPreTokenizer' },
  };
  expect(parseTokenizer(JSON.stringify(file)).encode('a', 9).ids).toEqual([2, 10, 3]);
  expect(() =>
    parseTokenizer(JSON.stringify({ ...file, normalizer: { type: 'BertNormalizer', lowercase: false } })),
  ).toThrow(/uncased/);
  expect(() => parseTokenizer(JSON.stringify({ ...file, model: { type: 'BPE', vocab: {} } }))).toThrow(/uncased/);
});
