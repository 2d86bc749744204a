import { expect, test } from '@jest/globals';
import { pinnedTargets } from '../../../lambdas/core/pins/pinned-targets.ts';
import type { Alias, Target } from '../../../lambdas/core/target.ts';

const chat = { id: 'a/chat' } as Target;
const vectors = { id: 'a/vectors' } as Target;
const aliases = new Map([['assistant', { targets: [chat] } as Alias]]);

test('a gateway is pinned to its targets, and to an embedder that is a provider’s', () => {
  expect(pinnedTargets({ aliases })).toEqual([['assistant', [chat]]]);
  expect(pinnedTargets({ aliases, semanticCache: { embedder: 'minilm', timeoutMs: 1 } })).toEqual([
    ['assistant', [chat]],
  ]);
  expect(pinnedTargets({ aliases, semanticCache: { embedder: vectors, timeoutMs: 1 } })).toEqual([
    ['assistant', [chat]],
    ['semanticCache', [vectors]],
  ]);
});
