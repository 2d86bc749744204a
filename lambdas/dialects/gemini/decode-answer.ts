import type { Answer, AssistantPart, JsonValue, StreamEvent } from '../../core/conversation.ts';
import { createResponseReader } from './read-response.ts';
import { objectOf } from './wire.ts';

/** Puts the events of a whole answer together. The reader begins and ends parts one after another. */
const collect = (events: readonly StreamEvent[]): Answer => {
  const answer: Answer = { id: '', model: '', parts: [], stop: { reason: 'other', raw: '' } };
  const last = (): AssistantPart | undefined => answer.parts.at(-1);
  for (const event of events) {
    const part = last();
    switch (event.type) {
      case 'answer-start':
        answer.id = event.id;
        answer.model = event.model;
        break;
      case 'text-start':
        answer.parts.push({ type: 'text', text: '' });
        break;
      case 'reasoning-start':
        answer.parts.push({ type: 'reasoning', text: '' });
        break;
      case 'refusal-start':
        answer.parts.push({ type: 'refusal', text: '' });
        break;
      case 'tool-call-start':
        answer.parts.push({ type: 'tool-call', id: event.id, name: event.name, arguments: '' });
        break;
      case 'text-delta':
      case 'reasoning-delta':
      case 'refusal-delta':
        if (part !== undefined && 'text' in part) part.text += event.text;
        break;
      case 'tool-call-delta':
        if (part?.type === 'tool-call') part.arguments += event.arguments;
        break;
      case 'signature':
        if (part?.type === 'text' || part?.type === 'reasoning' || part?.type === 'tool-call')
          Object.assign(part, { signature: event.signature, signedBy: event.signedBy });
        break;
      case 'citation':
        if (part?.type === 'text') part.citations = [...(part.citations ?? []), event.citation];
        break;
      case 'logprobs':
        if (part?.type === 'text') part.logprobs = event.tokens;
        break;
      case 'usage':
        answer.usage = event.usage;
        break;
      case 'unsaid':
        if (answer.unsaid?.includes(event.what) !== true) answer.unsaid = [...(answer.unsaid ?? []), event.what];
        break;
      case 'stop':
        answer.stop = event.stop;
        break;
      // The reader tells no others.
      default:
        break;
    }
  }
  return answer;
};

/** What a GenerateContentResponse has at least one of. */
const MARKS = ['candidates', 'promptFeedback', 'usageMetadata'] as const;

/** Reads the body of a generateContent reply, the same way as a stream's chunks. */
export const decodeAnswer = (body: JsonValue): Answer | undefined => {
  const response = objectOf(body);
  if (response === undefined || response['error'] !== undefined) return undefined;
  if (!MARKS.some((name) => response[name] !== undefined)) return undefined;
  const reader = createResponseReader(true);
  return collect([...reader.read(response), ...reader.end()]);
};
