/** What a server that speaks OpenAI's chat completions does in its own way. What is absent is as OpenAI's. */
export interface ChatQuirks {
  /**
   * Where the server takes back what its model thought in earlier turns:
   * - `reasoning_content`, `reasoning`: that field of the message, as text
   * - `reasoning_details`: OpenRouter's, with signatures
   * - `extra_content`: Google's, signatures alone
   * - `none`: nowhere; such fields are taken out, since strict servers refuse them
   * - absent: not known. What a client sends in the first two goes on as it came; nothing is added.
   */
  reasoning?: 'reasoning_content' | 'reasoning' | 'reasoning_details' | 'extra_content' | 'none';
  /** Beside every earlier tool call `reasoning_content` must stand, were it empty. */
  reasoningBesideCalls?: boolean;
  /** Ids of tool calls have nine letters and digits; else at most 40 characters. */
  shortCallIds?: boolean;
  /** The name of the output limit where it is not `max_tokens`. */
  outputLimitField?: 'max_completion_tokens';
  /** The name of the seed where it is not `seed`. */
  seedField?: string;
  /** Fields that the server refuses a request for. They are left out, and named to the client where it set them. */
  omits?: readonly string[];
  /**
   * What messages may hold beside `role`, `content` and tool calls, where the server refuses all else; it is left out, and named
   * where it had a meaning. Absent: what a client sends goes on, but nulls and empty lists.
   */
  messageFields?: readonly string[];
  /**
   * Marks of what of a prompt is to be cached:
   * - `cache_control`: taken on parts and tools, for the models that cache only what is marked
   * - `none`: refused; these cache by themselves
   * - absent: not known. What a client sends goes on as it came; nothing is added.
   */
  cachePoints?: 'cache_control' | 'none';
}

/** Fields that OpenAI has and that servers which take no unknown ones answer 400 or 422 to. */
const OPENAIS_OWN = [
  'audio',
  'cache_control',
  'modalities',
  'moderation',
  'prompt_cache_key',
  'prompt_cache_options',
  'prompt_cache_retention',
  'safety_identifier',
  'store',
  'verbosity',
  'web_search_options',
] as const;

/** Vendors whose ways are known, and the hosts that they are known by; a leading dot stands for any name before it. November 2026. */
const VENDORS = {
  cerebras: {
    hosts: ['.cerebras.ai'],
    quirks: {
      reasoning: 'none',
      omits: ['frequency_penalty', 'presence_penalty', 'logit_bias', ...OPENAIS_OWN],
      messageFields: ['name'],
      cachePoints: 'none',
    },
  },
  deepseek: { hosts: ['.deepseek.com'], quirks: { reasoning: 'reasoning_content', reasoningBesideCalls: true } },
  google: {
    hosts: ['generativelanguage.googleapis.com', '.aiplatform.googleapis.com', '-aiplatform.googleapis.com'],
    quirks: { reasoning: 'extra_content' },
  },
  groq: {
    hosts: ['.groq.com'],
    // "property 'refusal' is unsupported", and `name` is too.
    quirks: {
      reasoning: 'none',
      omits: ['logprobs', 'top_logprobs', 'logit_bias', ...OPENAIS_OWN],
      messageFields: [],
      cachePoints: 'none',
    },
  },
  mistral: {
    hosts: ['.mistral.ai'],
    // It answers 422 to fields it does not know, and sends usage in a stream unasked.
    quirks: {
      reasoning: 'none',
      shortCallIds: true,
      seedField: 'random_seed',
      omits: ['stream_options', 'user', 'logprobs', 'top_logprobs', 'logit_bias', 'service_tier', ...OPENAIS_OWN],
      messageFields: ['prefix'],
      cachePoints: 'none',
    },
  },
  moonshot: {
    hosts: ['.moonshot.ai', '.moonshot.cn'],
    quirks: { reasoning: 'reasoning_content', reasoningBesideCalls: true },
  },
  openrouter: {
    hosts: ['openrouter.ai', '.openrouter.ai'],
    quirks: { reasoning: 'reasoning_details', cachePoints: 'cache_control' },
  },
  xai: { hosts: ['.x.ai'], quirks: { reasoning: 'none' } },
  zai: { hosts: ['.z.ai', '.bigmodel.cn'], quirks: { reasoning: 'reasoning_content' } },
} as const satisfies Record<string, { hosts: readonly string[]; quirks: ChatQuirks }>;

export type ChatVendor = keyof typeof VENDORS;

export const CHAT_VENDORS = Object.keys(VENDORS) as ChatVendor[];

/** What a configuration says of a server: whose ways it has, where its host does not tell, and what is other than with those. */
export interface ChatQuirksConfig extends ChatQuirks {
  like?: ChatVendor;
}

const vendorOf = (baseUrl: string): ChatVendor | undefined => {
  const host = URL.parse(baseUrl)?.hostname ?? '';
  return CHAT_VENDORS.find((name) =>
    VENDORS[name].hosts.some((known) => (/^[.-]/.test(known) ? host.endsWith(known) : host === known)),
  );
};

/** The ways of the server at an address; {} where nothing is known of it. */
export const chatQuirksOf = (baseUrl: string, { like, ...own }: ChatQuirksConfig = {}): ChatQuirks => {
  const vendor = like ?? vendorOf(baseUrl);
  return { ...(vendor !== undefined && VENDORS[vendor].quirks), ...own };
};
