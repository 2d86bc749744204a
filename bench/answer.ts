/**
 * The one question and the one answer of the benchmark, known to both ends: the upstream says it, the load generator
 * demands it. A proxy that is fast because it loses half of the answer must not win.
 */

export const modelName = 'bench';

/** Content events of a streamed answer; the usual size of a short chat answer. */
export const streamChunkCount = 50;

const words = Array.from(
  { length: streamChunkCount },
  (_, index) => `word${index}${index % 10 === 9 ? ' – ½ "é"\n' : ' '}`,
);

/** What every answer must say: 50 pieces, some with characters of several bytes and some that JSON escapes. */
export const expectedText = words.join('');

export const usage = { prompt_tokens: 120, completion_tokens: streamChunkCount, total_tokens: 120 + streamChunkCount };

/** The client's body, as an OpenAI SDK would send it: about 1 KB, with the limit that a budget's hold is made from. */
export const requestBody = (stream: boolean): string =>
  JSON.stringify({
    model: modelName,
    messages: [
      { role: 'system', content: 'You answer in one paragraph, with facts and without flourish. '.repeat(6).trim() },
      { role: 'user', content: 'Say which of the three suppliers we should ask first, and why. '.repeat(6).trim() },
    ],
    temperature: 0.2,
    max_tokens: 256,
    ...(stream ? { stream: true } : {}),
  });

const head = { id: 'chatcmpl-bench0000000000000000000000', created: 1_790_000_000, model: 'bench-model-2026-01-01' };

/** The plain answer as the upstream sends it. */
export const answerBody = (): string =>
  JSON.stringify({
    ...head,
    object: 'chat.completion',
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: expectedText, refusal: null },
        logprobs: null,
        finish_reason: 'stop',
      },
    ],
    usage,
    system_fingerprint: 'fp_bench',
  });

const chunk = (choices: unknown[], extra: object = {}): string =>
  `data: ${JSON.stringify({ ...head, object: 'chat.completion.chunk', system_fingerprint: 'fp_bench', choices, ...extra })}\n\n`;

/**
 * The streamed answer, one string a network write, as OpenAI cuts it: the role, the words, the stop, usage where asked,
 * `[DONE]`.
 */
export function answerEvents(includeUsage: boolean): string[] {
  const delta = (value: object, finish: string | null = null) =>
    chunk([{ index: 0, delta: value, logprobs: null, finish_reason: finish }]);
  return [
    delta({ role: 'assistant', content: '', refusal: null }),
    ...words.map((content) => delta({ content })),
    delta({}, 'stop'),
    ...(includeUsage ? [chunk([], { usage })] : []),
    'data: [DONE]\n\n',
  ];
}
