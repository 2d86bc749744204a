import type { JsonObject, JsonValue, Usage } from '../../core/conversation.ts';
import type { AnswerContext } from '../../core/dialect.ts';
import { encodeUsage } from './usage.ts';

/** OpenAI's prefix; clients and dashboards know the kind of an id by it. */
export const responseId = ({ requestId }: AnswerContext): string => `resp_${requestId}`;

/** Fields of the request that an answer repeats, and what stands there where the client said nothing. */
const REPEATED: Record<string, JsonValue> = {
  instructions: null,
  max_output_tokens: null,
  max_tool_calls: null,
  metadata: {},
  parallel_tool_calls: true,
  reasoning: { effort: null, summary: null },
  temperature: null,
  text: { format: { type: 'text' } },
  tool_choice: 'auto',
  tools: [],
  top_p: null,
  truncation: 'disabled',
};

/** The `response` object, at any moment of its life. It is kept nowhere: `store` is false, whatever was asked. */
export const responseOf = (
  context: AnswerContext,
  {
    status,
    output,
    usage,
    incomplete,
    error,
  }: {
    status: 'in_progress' | 'completed' | 'incomplete' | 'failed';
    output: JsonObject[];
    usage?: Usage;
    incomplete?: string;
    error?: { code: string; message: string };
  },
): JsonObject => {
  const { asked = {} } = context;
  const repeated = Object.entries(REPEATED).map(([name, usual]) => [name, asked[name] ?? usual]);
  return {
    id: responseId(context),
    object: 'response',
    created_at: context.createdAt,
    status,
    background: false,
    error: error ?? null,
    incomplete_details: incomplete === undefined ? null : { reason: incomplete },
    model: context.alias,
    output,
    previous_response_id: null,
    store: false,
    ...Object.fromEntries(repeated),
    usage: usage === undefined ? null : encodeUsage(usage),
    user: asked['user'] ?? null,
  };
};
