import type { AttemptRecord } from '../call/call.ts';
import type { Conversation, Stop } from '../conversation.ts';
import type { Ports } from '../ports.ts';
import type { Flaw, Outcome } from '../receipt.ts';

/**
 * What is wrong with a whole answer, as far as a machine can tell; undefined where nothing is, or there is no whole answer.
 * The check of formats is loaded by the first request that asks for one. Never rejects: nobody's money waits for it.
 */
export const flawOf = async (
  { outcome, stop, attempts }: { outcome: Outcome; stop?: Stop; attempts: readonly AttemptRecord[] },
  { format }: Pick<Conversation, 'format'>,
  { log }: Pick<Ports, 'log'>,
): Promise<Flaw | undefined> => {
  if (outcome !== 'answered') return undefined;
  if (stop?.reason === 'refusal' || stop?.reason === 'content-filter') return 'refused';
  if (stop?.reason === 'length') return 'truncated';
  const output = attempts.at(-1)?.output;
  // A call of a tool is an answer in another form.
  if (format === undefined || output === undefined || stop?.reason === 'tool-calls' || stop?.reason === 'pause')
    return undefined;
  try {
    const { hasFormat } = await import('./has-format.ts');
    return hasFormat(output, format) ? undefined : 'invalid-output';
  } catch (error) {
    log.error('an answer could not be held against its format', { error });
    return undefined;
  }
};
