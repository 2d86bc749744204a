/**
 * What Anthropic's Messages API refuses, checked on a body as it would be sent: written from Anthropic's documentation, not
 * from the encoder. Each breach is one line.
 */
interface Block {
  type: string;
  text?: string;
  id?: string;
  tool_use_id?: string;
  content?: Block[];
  cache_control?: unknown;
  signature?: string;
  input?: unknown;
}

export interface Body {
  model: string;
  max_tokens: number;
  system?: Block[];
  messages: { role: string; content: Block[] }[];
  tools?: { name: string; input_schema: { type?: string }; cache_control?: unknown }[];
  tool_choice?: { type: string; name?: string };
  thinking?: { type: string; budget_tokens?: number };
  output_config?: { effort?: string };
  temperature?: number;
  top_p?: number;
  top_k?: number;
  stop_sequences?: string[];
}

export const breachesOf = (body: Body): string[] => [
  ...turnBreaches(body),
  ...pairBreaches(body),
  ...contentBreaches(body),
  ...toolBreaches(body),
  ...samplingBreaches(body),
  ...thinkingBreaches(body),
];

const unless = (isKept: boolean, breach: string): string[] => (isKept ? [] : [breach]);

const turnBreaches = ({ messages }: Body): string[] => [
  ...unless(messages[0]?.role === 'user', 'the first message is not a user’s'),
  ...messages.flatMap(({ role, content }, index) => [
    ...unless(content.length > 0, `message ${index} is empty`),
    ...unless(role !== messages[index - 1]?.role, `message ${index} has the role of the one before`),
    ...unless(
      role !== 'system' || (messages[index - 1]?.role === 'user' && messages[index + 1]?.role !== 'user'),
      `message ${index} of role system is out of place`,
    ),
  ]),
];

const pairBreaches = ({ messages }: Body): string[] => {
  const seen = new Set<string>();
  const talk = messages.filter(({ role }) => role !== 'system');
  return talk.flatMap(({ role, content }, index) => {
    if (role === 'assistant') {
      const calls = content.filter(({ type }) => type === 'tool_use');
      const next = talk[index + 1]?.content ?? [];
      const answered = new Set(next.slice(0, calls.length).map((block) => block.tool_use_id));
      return calls.flatMap(({ id = '', input }) => {
        const isNew = !seen.has(id);
        seen.add(id);
        return [
          ...unless(isNew, `the id ${id} is used twice`),
          ...unless(/^[a-zA-Z0-9_-]+$/.test(id), `the id ${id} has other characters`),
          ...unless(next.length === 0 || answered.has(id), `${id} has no result at the start of the next message`),
          ...unless(typeof input === 'object' && input !== null && !Array.isArray(input), 'input is no object'),
        ];
      });
    }
    const calls = new Set(talk[index - 1]?.content.map(({ id }) => id));
    return content
      .filter(({ type }) => type === 'tool_result')
      .flatMap((block) => unless(calls.has(block.tool_use_id), `${block.tool_use_id} answers no call before it`));
  });
};

const blocksOf = ({ system = [], messages }: Body): Block[] =>
  [...system, ...messages.flatMap(({ content }) => content)].flatMap((block) => [...(block.content ?? []), block]);

const contentBreaches = (body: Body): string[] => {
  const blocks = blocksOf(body);
  const points = [...blocks, ...(body.tools ?? [])].filter((block) => block.cache_control !== undefined);
  const last = body.messages.at(-1);
  const end = last?.role === 'assistant' ? last.content.at(-1)?.text : undefined;
  return [
    ...unless(points.length <= 4, `${points.length} cache points`),
    ...unless(end === undefined || end === end.trimEnd(), 'the prefill ends in white space'),
    ...blocks.flatMap((block) => [
      ...unless(block.type !== 'text' || block.text !== '', 'an empty text'),
      ...unless(block.type !== 'thinking' || (block.signature ?? '') !== '', 'thinking without a signature'),
    ]),
  ];
};

const toolBreaches = ({ tools = [], tool_choice: choice, messages }: Body): string[] => {
  const hasCalls = messages.some(({ content }) => content.some(({ type }) => type === 'tool_use'));
  return [
    ...unless(!hasCalls || tools.length > 0, 'calls without tools'),
    ...unless(choice === undefined || tools.length > 0, 'a choice without tools'),
    ...unless(
      choice?.name === undefined || tools.some(({ name }) => name === choice.name),
      'an unknown tool is chosen',
    ),
    ...unless(new Set(tools.map(({ name }) => name)).size === tools.length, 'two tools of a name'),
    ...tools.flatMap((tool) => unless(tool.input_schema.type === 'object', `${tool.name}: the schema is no object’s`)),
  ];
};

/** Models that take no sampling parameters, no budget, no forced tools. */
const isAdaptiveOnly = (model: string): boolean =>
  /opus-4-[78]|-5(-\d)?$|fable|mythos/.test(model) && /claude/.test(model);
const isBudgetOnly = (model: string): boolean => /-4-5|-4-1|-4-2025|3-7/.test(model);
const takesNoForce = (model: string): boolean => /(opus|sonnet)-5-5|fable-5-[12]|mythos-5-[12]/.test(model);

const samplingBreaches = ({ model, thinking, temperature, top_p, top_k, stop_sequences = [] }: Body): string[] => {
  const isThinking = thinking?.type === 'enabled' || thinking?.type === 'adaptive';
  const isAnySet = temperature !== undefined || top_p !== undefined || top_k !== undefined;
  return [
    ...unless(temperature === undefined || (temperature >= 0 && temperature <= 1), 'a temperature above 1'),
    ...unless(!isAnySet || !isAdaptiveOnly(model), 'sampling on a model that takes none'),
    ...unless(!isThinking || temperature === undefined || temperature === 1, 'a temperature with thinking'),
    ...unless(!isThinking || top_k === undefined, 'top_k with thinking'),
    ...unless(!isThinking || top_p === undefined || top_p >= 0.95, 'top_p with thinking'),
    ...unless(
      temperature === undefined || top_p === undefined || !/-4-[1568]/.test(model),
      'temperature and top_p on a model that takes one',
    ),
    ...unless(
      stop_sequences.every((sequence) => sequence.trim() !== ''),
      'a blank stop sequence',
    ),
  ];
};

const thinkingBreaches = (body: Body): string[] => {
  const { model, thinking, max_tokens, tool_choice: choice, messages, output_config: output } = body;
  const isForced = choice?.type === 'any' || choice?.type === 'tool';
  const budget = thinking?.budget_tokens ?? 0;
  const isEnabled = thinking?.type === 'enabled';
  const inLoop = messages.findLast(({ role }) => role !== 'system')?.content[0]?.type === 'tool_result';
  const first = messages.findLast(({ role }) => role === 'assistant')?.content[0]?.type ?? '';
  return [
    ...unless(!isEnabled || (budget >= 1_024 && budget < max_tokens), `a budget of ${budget} of ${max_tokens}`),
    ...unless(!isEnabled || !isAdaptiveOnly(model), 'a budget on an adaptive model'),
    ...unless(thinking?.type !== 'adaptive' || !isBudgetOnly(model), 'adaptive thinking on a model with budgets'),
    ...unless(!isForced || !['enabled', 'adaptive'].includes(thinking?.type ?? ''), 'a forced tool with thinking'),
    ...unless(!isForced || !takesNoForce(model), 'a forced tool on a model that takes none'),
    ...unless(
      !isEnabled || !inLoop || first.endsWith('thinking'),
      'a tool loop under way that did not begin with thinking',
    ),
    ...unless(output?.effort !== 'xhigh' || !model.includes('4-6'), 'xhigh on a model without it'),
    ...unless(output?.effort === undefined || !isBudgetOnly(model), 'an effort on a model with budgets'),
  ];
};
