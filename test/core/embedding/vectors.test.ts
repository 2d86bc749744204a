import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  dimensionsOf,
  fitsEmbedding,
  fromBase64,
  inFormat,
  readVector,
  toBase64,
} from '../../../lambdas/core/embedding/vectors.ts';

const floats = fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: 1, maxLength: 200 });

test('32-bit floats survive base64 to the bit, minus nought and the smallest included', () => {
  fc.assert(
    fc.property(floats, (numbers) => {
      const text = toBase64(numbers);
      expect(fromBase64(text)).toEqual(numbers);
      expect(dimensionsOf(text)).toBe(numbers.length);
    }),
  );
});

test('base64 is of little-endian floats, as a Float32Array on any usual machine lies in memory', () => {
  fc.assert(
    fc.property(floats, (numbers) => {
      const bytes = Buffer.from(toBase64(numbers), 'base64');
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      expect(numbers.map((_, index) => view.getFloat32(index * 4, true))).toEqual(numbers);
    }),
  );
  expect(toBase64([1])).toBe('AACAPw==');
});

test('numbers that are no 32-bit floats become the nearest ones', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 1 }), (numbers) => {
      expect(fromBase64(toBase64(numbers))).toEqual(numbers.map(Math.fround));
    }),
  );
});

test('a vector goes on as it came where its form is the one asked for', () => {
  const numbers = [0.1, 0.2];
  expect(inFormat(numbers, 'float')).toBe(numbers);
  expect(inFormat('AACAPw==', 'base64')).toBe('AACAPw==');
  expect(inFormat('AACAPw==', 'float')).toEqual([1]);
  expect(inFormat([1], 'base64')).toBe('AACAPw==');
});

test.each([
  ['too few bytes for a float', 'AAA='],
  ['no base64', 'AACA*w=='],
  ['padding that is missing', 'AACAPw'],
  ['not a number', Buffer.from(new Float32Array([Number.NaN]).buffer).toString('base64')],
  ['infinity', Buffer.from(new Float32Array([Number.POSITIVE_INFINITY]).buffer).toString('base64')],
  ['a number beyond 32 bits', [1e300]],
  ['a text among numbers', [1, '2']],
  ['null', null],
  ['an object', { 0: 1 }],
])('%s is no vector', (_, value) => {
  expect(readVector(value)).toBeUndefined();
});

test('an answer must have a vector an input, all of one length, and of the one that was asked for', () => {
  const asked = { inputs: ['a', 'b'], format: 'float' } as const;
  const answer = (...vectors: (number[] | string)[]) => ({
    id: '',
    model: '',
    parts: [],
    stop: { reason: 'end' as const, raw: '' },
    vectors,
  });
  const fits = (dimensions: number | undefined, ...vectors: (number[] | string)[]) =>
    fitsEmbedding({ ...asked, inputs: [...asked.inputs], ...(dimensions && { dimensions }) }, answer(...vectors));
  expect(fits(undefined, [1, 2], [3, 4])).toBe(true);
  expect(fits(1, 'AACAPw==', [3])).toBe(true);
  expect(fits(undefined, [1, 2])).toBe(false);
  expect(fits(undefined, [1, 2], [3])).toBe(false);
  expect(fits(3, [1, 2], [3, 4])).toBe(false);
  expect(fits(undefined, [], [])).toBe(false);
});
