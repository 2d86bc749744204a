import type { Answer, JsonObject, StreamEvent } from '../../../lambdas/core/conversation.ts';
import type { DialectName, Surface, SurfaceName, WireEvent } from '../../../lambdas/core/dialect.ts';

/**
 * The smallest real wire format: events and answers travel as the JSON of the canonical ones. It lets a script say what
 * happens without a vendor's clutter; the vendors' own codecs are driven through the same loop in call-codecs.test.ts.
 */
export const makePlainDialect = <N extends DialectName>(name: N): Surface & { name: N } & { name: SurfaceName } => {
  const read = (event: WireEvent): StreamEvent[] => [JSON.parse(String(event.data)) as StreamEvent];
  const write = (value: unknown): string => `${JSON.stringify(value)}\n`;
  return {
    name: name as N & SurfaceName,
    cannotCarry: new Set(),
    decodeRequest: () => ({ ok: false, problem: { param: null, message: 'not read here' } }),
    encodeRequest: (conversation, target) => ({
      body: { encodedBy: name, turns: conversation.turns.length, ...limits(target) },
      dropped: ['seed'],
    }),
    decodeAnswer: (body) =>
      typeof body === 'object' && body !== null && 'parts' in body ? (body as unknown as Answer) : undefined,
    encodeAnswer: (answer, context) =>
      ({ encodedBy: name, alias: context.alias, parts: answer.parts }) as unknown as JsonObject,
    decodeStream: () => ({ push: read }),
    encodeStream: () => ({ push: write, fail: (refusal) => write({ fail: refusal.code, message: refusal.message }) }),
    decodeError: (status, _headers, body) => ({ status, type: '', message: body }),
    relayRequest: (body, target) => ({ ...body, ...limits(target) }),
    relayAnswer: (body, context) => ({ ...body, alias: context.alias }),
    relayStream: () => ({
      push: (event) => ({ text: `${event.data}\n`, events: read(event) }),
      end: () => write({ type: 'answer-end' }),
      fail: (refusal) => write({ fail: refusal.code, message: refusal.message }),
    }),
    encodeError: (refusal) => ({ error: refusal.code }),
  };
};

const limits = (target: { model: string; maxOutputTokens?: number }): JsonObject => ({
  model: target.model,
  ...(target.maxOutputTokens !== undefined && { max: target.maxOutputTokens }),
});

export const wire = (event: StreamEvent): WireEvent => ({ type: '', data: JSON.stringify(event) });
