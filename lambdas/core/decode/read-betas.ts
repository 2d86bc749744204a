import { type Refusal, refuse } from '../failures.ts';

export type ReadBetas = { ok: true; betas: string[] } | { ok: false; refusal: Refusal };

const BETA = /^[a-z0-9][a-z0-9._-]{0,95}$/i;
const MOST_BETAS = 64;

/** `anthropic-beta`: the features that a client of Anthropic's asks for by name, each once. They go on into another header. */
export const readBetas = (headers: Headers): ReadBetas => {
  const names = (headers.get('anthropic-beta') ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  const wrong = names.find((name) => !BETA.test(name));
  if (wrong !== undefined)
    return bad(
      `expected names of letters, digits, ".", "_" and "-", at most 96, got ${JSON.stringify(wrong.slice(0, 100))}`,
    );
  const betas = [...new Set(names)];
  if (betas.length > MOST_BETAS) return bad(`got ${betas.length} names, at most ${MOST_BETAS} are allowed`);
  return { ok: true, betas };
};

const bad = (problem: string): ReadBetas => ({
  ok: false,
  refusal: refuse('invalid_request', `anthropic-beta: ${problem}.`, { param: 'anthropic-beta', shouldRetry: false }),
});
