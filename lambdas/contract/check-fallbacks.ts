import type { GatewayConfig } from './config.ts';
import { type ConfigProblem, didYouMean, pathText, shown } from './config-problem.ts';

/**
 * Where `fallbacks` lead: to models of this file, and not back to the one that failed. A chain is what its own model lists and
 * nothing more, so that two models may stand in for each other and no chain goes round in a circle.
 */
export const fallbackProblems = ({ models }: GatewayConfig): ConfigProblem[] =>
  Object.entries(models).flatMap(([alias, { fallbacks }]) =>
    Object.entries<string[]>({ ...fallbacks }).flatMap(([cause, chain]) =>
      chain.flatMap((name, index) => {
        const path = pathText(['models', alias, 'fallbacks', cause, index]);
        if (!Object.hasOwn(models, name))
          return [{ path, message: `there is no model ${shown(name)}.${didYouMean(name, Object.keys(models))}` }];
        return name === alias ? [{ path, message: 'is this model itself: a fallback is another one' }] : [];
      }),
    ),
  );
