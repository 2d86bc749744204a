import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { countTokens as countCl100k } from 'gpt-tokenizer/encoding/cl100k_base';
import { countTokens as countO200k } from 'gpt-tokenizer/encoding/o200k_base';
import { COMMON_PAIRS, countText } from '../../../lambdas/core/admit/estimate-text.ts';

/** Texts are kept short: tokenizers take quadratic time over some of them, which is why the gateway has none. */
const LONGEST = 300;

const expectBetween = (text: string): void => {
  const counts = countText(text);
  const real = [countO200k(text), countCl100k(text)];
  expect({ text, low: counts.low <= Math.min(...real), high: counts.high >= Math.max(...real) }).toEqual({
    text,
    low: true,
    high: true,
  });
};

const ENGLISH =
  'The committee met on 14 March 2025 to review the proposal; nobody objected, although Ms Okonkwo asked why "phase two" had slipped by six weeks (again!).';

const TEXTS: Record<string, string> = {
  'English prose': ENGLISH,
  German: 'Die Rindfleischetikettierungsüberwachungsaufgabenübertragungsverordnung wurde 2013 außer Kraft gesetzt.',
  French: "Qu'est-ce que c'est ? L'été dernier, nous étions déjà là où l'on mange des crêpes à la crème brûlée.",
  Russian: 'Быстрая коричневая лиса перепрыгивает через ленивую собаку, а потом ложится спать.',
  Chinese: '敏捷的棕色狐狸跳过了懒狗。今天的会议讨论了预算和下个季度的计划。',
  Japanese: '吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。',
  Korean: '빠른 갈색 여우가 게으른 개를 뛰어넘습니다. 회의는 내일 오전에 있습니다.',
  Arabic: 'الثعلب البني السريع يقفز فوق الكلب الكسول ثم ينام تحت الشجرة.',
  Hindi: 'तेज़ भूरी लोमड़ी आलसी कुत्ते के ऊपर से कूदती है और फिर सो जाती है।',
  Thai: 'สุนัขจิ้งจอกสีน้ำตาลกระโดดข้ามสุนัขขี้เกียจ',
  emoji: '👩‍👩‍👧‍👦🎉🏳️‍🌈🇨🇭 done ✅ 👍🏽',
  JSON: JSON.stringify({ id: 'call_1', values: [1, 2.5, -3e10], nested: { is_on: true, none: null }, text: ENGLISH }),
  CSV: 'id,name,amount\n1,Widget,19.99\n2,Gadget,5.00\n3,"Thing, large",1250.75\n'.repeat(3),
  base64: Buffer.from(ENGLISH).toString('base64'),
  UUIDs: '9b2e4c1a-7f63-4d0e-8a51-c3d9f0b7e264 0f8fad5b-d9cb-469f-a165-70867728950e',
  TypeScript: readFileSync(join(import.meta.dirname, '../../../lambdas/core/failures.ts'), 'utf8').slice(0, 4_000),
  'minified code':
    'var a=function(b,c){return b?c(b):null};!function(){for(var e=0;e<9;e++)a(e,function(d){return d*d})}();',
  indentation: '\n        if (x) {\n                return y;\n\t\t\t}\n\n\n    }',
  'one letter, many times': 'a'.repeat(LONGEST),
  'another letter, many times': 'q'.repeat(LONGEST),
  'one sign, many times': '='.repeat(LONGEST),
  'line breaks': '\n'.repeat(LONGEST),
  spaces: ' '.repeat(LONGEST),
  NULs: '\u0000'.repeat(LONGEST),
  'digits apart': '7 '.repeat(LONGEST / 2),
  'letters apart': 'A B '.repeat(LONGEST / 4),
  'alternating case': 'aBcDeFgHiJ'.repeat(LONGEST / 10),
  'private use': '\ue000\uf123'.repeat(50),
  'combining marks': `e${'\u0301\u0327'.repeat(50)}`,
  'lone surrogates': '\ud800x\udc00'.repeat(30),
  nothing: '',
};

/** Words in which every pair of letters is common and the whole is not: what the table of pairs takes for natural, at its worst. */
const madeUpWords: fc.Arbitrary<string> = fc
  .array(fc.array(fc.nat(999), { minLength: 4, maxLength: 8 }), { minLength: 30, maxLength: 40 })
  .map((words) =>
    words
      .map((choices) => {
        const pick = (from: string, choice: number): string => from[choice % from.length] ?? 'e';
        return choices.reduce((word, choice) => {
          const following = COMMON_PAIRS[word.at(-1) ?? ''] ?? 'awxyjkz';
          return word + pick(following, choice);
        }, '');
      })
      .join(' '),
  );

describe('countText', () => {
  test.each(Object.entries(TEXTS))('%s: the count of real tokenizers lies between low and high', (_, text) => {
    expectBetween(text);
  });

  test('the documents of this project lie between, and not by much', () => {
    const folder = join(import.meta.dirname, '../../../lambdas/core');
    const text = readdirSync(folder)
      .filter((file) => file.endsWith('.ts'))
      .map((file) => readFileSync(join(folder, file), 'utf8'))
      .join('\n')
      .slice(0, 30_000);
    expectBetween(text);
    expect(countText(text).high).toBeLessThan(4 * countO200k(text));
  });

  test('plain English is counted at most two and a half times too high', () => {
    expect(countText(ENGLISH).high).toBeLessThan(2.5 * countO200k(ENGLISH));
  });

  const units = {
    'any Unicode': fc.string({ unit: 'binary', maxLength: LONGEST }),
    'any graphemes': fc.string({ unit: 'grapheme', maxLength: LONGEST }),
    'printable ASCII': fc.string({ unit: 'grapheme-ascii', maxLength: LONGEST }),
    'all of ASCII': fc.string({ unit: 'binary-ascii', maxLength: LONGEST }),
    'lower-case letters': fc.string({ unit: fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz'), maxLength: LONGEST }),
    'rare letters': fc.string({ unit: fc.constantFrom(...'qzxjkvw'), maxLength: LONGEST }),
    'words of common pairs': madeUpWords,
    hex: fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), maxLength: LONGEST }),
    base64: fc.base64String({ maxLength: LONGEST }),
    'white space': fc.string({ unit: fc.constantFrom(' ', '\n', '\t', '\r'), maxLength: LONGEST }),
    'scripts mixed': fc.string({
      unit: fc.constantFrom('a', '中', 'é', '😀', ' ', '1', 'ж', '한', '\u0301'),
      maxLength: LONGEST,
    }),
  };

  test.each(Object.entries(units))('random %s: never below low', (_, text) => {
    fc.assert(
      fc.property(text, (value) => {
        expect(countText(value).low).toBeLessThanOrEqual(Math.min(countO200k(value), countCl100k(value)));
      }),
    );
  });

  // A few signs put together on purpose can come out a little dearer than the table says, so short texts get a little room.
  test.each(Object.entries(units))('random %s: never above high', (_, text) => {
    fc.assert(
      fc.property(text, (value) => {
        expect(Math.max(countO200k(value), countCl100k(value))).toBeLessThanOrEqual(countText(value).high * 1.05 + 2);
      }),
    );
  });

  test('a pattern of one to six signs, repeated, is at most two fifths above high', () => {
    const pattern = fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(pattern, (value) => {
        const text = value.repeat(Math.ceil(60 / value.length));
        expect(Math.max(countO200k(text), countCl100k(text))).toBeLessThanOrEqual(countText(text).high * 1.4);
      }),
    );
  });

  test('bytes are the bytes of UTF-8, and high is never above them', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.array(fc.nat(0xffff), { maxLength: 20 }), (text, codes) => {
        const any = text + String.fromCharCode(...codes);
        const { bytes, high } = countText(any);
        expect(bytes).toBe(Buffer.byteLength(any));
        expect(high).toBeLessThanOrEqual(bytes);
      }),
    );
  });

  test('a text joined of two counts no more than the two and a little for the seam', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (a, b) => {
        expect(countText(a + b).high).toBeLessThanOrEqual(countText(a).high + countText(b).high + 1);
      }),
    );
  });
});
