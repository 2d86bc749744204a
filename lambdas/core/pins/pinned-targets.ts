import type { Gateway } from '../ports.ts';
import type { Target } from '../target.ts';

/** By what it is for, everything that a gateway is pinned to: the targets of its aliases, and the embedder of its semantic cache. */
export const pinnedTargets = ({
  aliases,
  semanticCache,
}: Pick<Gateway, 'aliases' | 'semanticCache'>): [name: string, targets: readonly Target[]][] => {
  const embedder = semanticCache?.embedder;
  return [
    ...[...aliases].map(([name, { targets }]): [string, readonly Target[]] => [name, targets]),
    ...(typeof embedder === 'object' ? [['semanticCache', [embedder]] satisfies [string, Target[]]] : []),
  ];
};
