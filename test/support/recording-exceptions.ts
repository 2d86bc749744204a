import type { SurfaceName } from '../../lambdas/core/dialect.ts';
import type { Asked } from './asked-items.ts';
import type { Said } from './said.ts';

export interface Exception {
  ids: readonly string[];
  surface: SurfaceName | 'both';
  /** `stopSequences`: what is asked, while `stop` is also how an answer ended. `status`: a 502 instead. `dropped`: the client is told in `x-tollgate-dropped`. */
  lost: readonly (keyof Asked | keyof Said | 'stopSequences' | 'status' | 'dropped')[];
  why: string;
}

/** Where a recorded exchange can't come through a surface whole, and why. Anything else is a bug. */
export const EXCEPTIONS: readonly Exception[] = [
  ...(['openai-chat', 'openai-responses'] as const).flatMap((surface): Exception[] => [
    {
      ids: ['an-v-refusal-stream'],
      surface,
      lost: ['refusal'],
      why: 'what the vendor says of the refusal in stop_details stands where these clients look for it',
    },
    {
      ids: ['an-v-web-search-stream'],
      surface,
      lost: ['dropped'],
      why: 'the blocks of a search that the vendor ran have no words there, and are named',
    },
  ]),
  {
    ids: [
      'an-thinking',
      'an-thinking-redacted-stream',
      'an-thinking-tool-roundtrip.1',
      'br-thinking',
      'br-redacted-stream',
    ],
    surface: 'openai-chat',
    lost: ['effort'],
    why: 'OpenAI asks for reasoning by a word, not by a number of tokens',
  },
  {
    ids: ['an-thinking-tool-roundtrip.2'],
    surface: 'openai-chat',
    lost: ['effort'],
    why: 'OpenAI asks for reasoning by a word, not by a number of tokens',
  },
  {
    ids: ['an-err-400'],
    surface: 'openai-chat',
    lost: ['effort'],
    why: 'the model refuses "xhigh", as the recording says; a translated request gets the next effort up',
  },
  {
    ids: [
      'an-thinking',
      'an-thinking-redacted-stream',
      'an-thinking-tool-roundtrip.1',
      'an-thinking-tool-roundtrip.2',
      'br-thinking',
      'br-redacted-stream',
    ],
    surface: 'openai-responses',
    lost: ['effort'],
    why: 'OpenAI asks for reasoning by a word, not by a number of tokens',
  },
  {
    ids: ['an-err-400'],
    surface: 'openai-responses',
    lost: ['effort'],
    why: 'the model refuses "xhigh", as the recording says; a translated request gets the next effort up',
  },
  {
    ids: ['an-stop-sequence'],
    surface: 'openai-responses',
    lost: ['stopSequences'],
    why: 'Responses have no stop sequences',
  },
  {
    ids: ['cp-openrouter-reasoning-stream'],
    surface: 'openai-responses',
    lost: ['reasons'],
    why: "OpenRouter's own `reasoning.enabled`, which no other dialect can say",
  },
  {
    ids: ['rs-reasoning-stream'],
    surface: 'anthropic-messages',
    lost: ['effort', 'signatures'],
    why: "Anthropic's older models think by a number of tokens; and its one signature says here who made it",
  },
  {
    ids: ['oa-json-schema', 'br-json-schema'],
    surface: 'anthropic-messages',
    lost: ['format'],
    why: 'an output format of Anthropic has neither a name nor a description beside its schema',
  },
  {
    ids: ['oa-parallel-roundtrip.2'],
    surface: 'anthropic-messages',
    lost: ['tools', 'toolChoice'],
    why: 'Anthropic takes calls in a history only beside their tools: they are named, and their choice is "none"',
  },
  {
    ids: ['cp-openrouter-reasoning-stream'],
    surface: 'anthropic-messages',
    lost: ['reasons'],
    why: "OpenRouter's own `reasoning.enabled`, which no other dialect can say",
  },
  {
    ids: ['br-guardrail'],
    surface: 'both',
    lost: ['guardrail'],
    why: "Bedrock's guardrails belong to the account; no client can ask for one",
  },
  {
    ids: ['go-prompt-blocked', 'go-cached'],
    surface: 'both',
    lost: ['guardrail'],
    why: "Google's Model Armor templates and cached contents belong to the account; no client can name one",
  },
  {
    ids: ['go-json-schema', 'go-sig-tool-roundtrip.1', 'go-sig-tool-roundtrip.2'],
    surface: 'anthropic-messages',
    lost: ['format'],
    why: 'an output format of Anthropic takes closed objects alone',
  },
  {
    ids: ['go-sig-tool-roundtrip.1', 'go-sig-tool-roundtrip.2'],
    surface: 'anthropic-messages',
    lost: ['redacted'],
    why: "Google's signature of a call or a text has no place there: it travels as redacted thinking before it",
  },
  {
    ids: ['oa-doc-401'],
    surface: 'both',
    lost: ['status'],
    why: "the provider turned down Tollgate's own key: a 502 without a retry (docs/decisions/004)",
  },
];

export const exceptionFor = (id: string, surface: SurfaceName): readonly string[] =>
  EXCEPTIONS.filter((one) => one.ids.includes(id) && (one.surface === 'both' || one.surface === surface)).flatMap(
    ({ lost }) => lost,
  );
