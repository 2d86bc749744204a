import type { GatewayConfig } from '../../../lambdas/contract/config.ts';
import type { Upstream } from '../../../lambdas/core/call/upstream.ts';
import { chatBody } from '../story/story-fixture.ts';
import { at, configOf, target } from './pin-fixture.ts';

export const BEGINS = '2026-11-22';
export const DAYS = 365;

/** When each version really ends, and what the calendar says of that from which day on. */
export const ENDS: Record<string, { on: string; known: { from: string; on: string }[]; next: string }> = {
  'large-1': { on: '2027-02-10', known: [{ from: BEGINS, on: '2027-02-10' }], next: 'large-2' },
  // Announced half a year ahead, then moved forward.
  'small-1': {
    on: '2027-06-15',
    known: [
      { from: '2027-01-20', on: '2027-08-01' },
      { from: '2027-03-05', on: '2027-06-15' },
    ],
    next: 'small-2',
  },
  // The replacement of the first has an end as well.
  'large-2': { on: '2027-10-20', known: [{ from: '2027-05-01', on: '2027-10-20' }], next: 'large-3' },
};

export type Models = Record<'chat' | 'classify' | 'draft', string>;
export const FIRST: Models = { chat: 'large-1', classify: 'small-1', draft: 'large-9' };

/** The configuration with these models, and what the calendar of the day says of them. */
export const configOn = (models: Models, date: string): GatewayConfig =>
  configOf(
    Object.fromEntries(
      Object.entries(models).map(([alias, model]) => {
        const known = ENDS[model]?.known.findLast(({ from }) => from <= date);
        return [alias, [target('a', model, known && { retires: known.on, successor: ENDS[model]?.next ?? '' })]];
      }),
    ),
  );

export const DEPLOYABLE_PROVIDERS = { a: { kind: 'openai-compatible', baseUrl: 'https://a/v1' } };

interface Reply {
  status: number;
  body: object;
}

/** Answers with the model it was asked for, until that has retired; some models in ways of their own, by how often they were asked. */
export const vendor = (now: () => number, ways: Record<string, (nth: number) => Reply | undefined> = {}): Upstream => {
  const times = new Map<string, number>();
  return {
    send: async (call) => {
      if (call.transport !== 'http') throw new Error('asked by HTTP alone');
      const { model } = JSON.parse(String(call.body)) as { model: string };
      const nth = (times.get(model) ?? 0) + 1;
      times.set(model, nth);
      const own = ways[model]?.(nth);
      if (own !== undefined) return replyOf(own);
      const end = ENDS[model];
      const isGone = end !== undefined && now() >= at(end.on, '00:00:00');
      const body = isGone
        ? {
            error: {
              message: `The model ${model} has been retired`,
              type: 'invalid_request_error',
              code: 'model_not_found',
            },
          }
        : { ...chatBody('hi', { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 }), model };
      return replyOf({ status: isGone ? 404 : 200, body });
    },
  };
};

const replyOf = ({ status, body }: Reply) => ({
  status,
  headers: {},
  text: async () => JSON.stringify(body),
  events: () => {
    throw new Error('no stream is asked for');
  },
});
