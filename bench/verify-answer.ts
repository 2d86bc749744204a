import { expectedText } from './answer.ts';

interface PlainAnswer {
  choices?: { message?: { content?: unknown }; finish_reason?: unknown }[];
}

interface StreamChunk {
  choices?: { delta?: { content?: unknown }; finish_reason?: unknown }[];
  error?: unknown;
}

const shorten = (text: string): string => (text.length <= 200 ? text : `${text.slice(0, 200)}…`);

/** @returns what is wrong with a plain answer, or undefined when it says exactly what the upstream said. */
export function findFaultInAnswer(status: number, body: string): string | undefined {
  if (status !== 200) return `status ${status}: ${shorten(body)}`;
  let answer: PlainAnswer;
  try {
    answer = JSON.parse(body) as PlainAnswer;
  } catch {
    return `not JSON: ${shorten(body)}`;
  }
  const choice = answer.choices?.[0];
  if (choice?.message?.content !== expectedText) return `another text: ${shorten(body)}`;
  if (choice.finish_reason !== 'stop') return `finish_reason ${String(choice.finish_reason)} instead of stop`;
  return undefined;
}

/** @returns what is wrong with a stream read to its end, or undefined when it is whole: all words, the stop, `[DONE]`. */
export function findFaultInStream(status: number, body: string): string | undefined {
  if (status !== 200) return `status ${status}: ${shorten(body)}`;
  let text = '';
  let stop: unknown;
  let done = false;
  for (const line of body.split('\n')) {
    if (!line.startsWith('data:')) continue;
    const data = line.slice(5).trim();
    if (done) return `an event after [DONE]: ${shorten(data)}`;
    if (data === '[DONE]') {
      done = true;
      continue;
    }
    let event: StreamChunk;
    try {
      event = JSON.parse(data) as StreamChunk;
    } catch {
      return `an event that is not JSON: ${shorten(data)}`;
    }
    if (event.error !== undefined) return `an error event: ${shorten(data)}`;
    const choice = event.choices?.[0];
    if (typeof choice?.delta?.content === 'string') text += choice.delta.content;
    stop = choice?.finish_reason ?? stop;
  }
  if (text !== expectedText)
    return `another text (${text.length} of ${expectedText.length} characters): ${shorten(text)}`;
  if (stop !== 'stop') return `finish_reason ${String(stop)} instead of stop`;
  return done ? undefined : 'no [DONE]';
}

/** Whether this much of a stream holds content: what a person would first see. */
export const hasContent = (text: string): boolean => /"content":\s*"[^"]/.test(text);
