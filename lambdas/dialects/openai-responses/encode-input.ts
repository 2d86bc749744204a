import type {
  AssistantPart,
  DocumentPart,
  ImagePart,
  JsonObject,
  RefusalPart,
  TextPart,
  ToolResultPart,
  Turn,
  UserPart,
} from '../../core/conversation.ts';
import { fitCallId } from './fit-input.ts';
import { encodeSigned, encryptedOf } from './seals.ts';

/** Writes turns as items; the names of what was left out go into `dropped`. */
export const encodeInput = (turns: readonly Turn[], dropped: Set<string>): JsonObject[] =>
  turns.flatMap((turn) => {
    switch (turn.role) {
      case 'system':
        return turn.parts.length === 0 ? [] : [{ role: 'system', content: turn.parts.map(encodeText) }];
      case 'user':
        return encodeUser(turn.parts, dropped);
      case 'assistant':
        return encodeAssistant(turn.parts, dropped);
      default:
        return turn satisfies never;
    }
  });

const encodeText = ({ text }: TextPart): JsonObject => ({ type: 'input_text', text });

/** Outputs of functions first: they are what the calls before them wait for. */
const encodeUser = (parts: readonly UserPart[], dropped: Set<string>): JsonObject[] => {
  const results = parts.filter((part) => part.type === 'tool-result');
  const own = parts.filter((part) => part.type !== 'tool-result');
  const [only] = own;
  return [
    ...results.map((result) => encodeResult(result, dropped)),
    ...(only === undefined
      ? []
      : [
          {
            role: 'user',
            content:
              own.length === 1 && only.type === 'text' ? only.text : own.map((part) => encodePart(part, dropped)),
          },
        ]),
  ];
};

const encodeResult = ({ callId, content, isError }: ToolResultPart, dropped: Set<string>): JsonObject => {
  if (isError === true) dropped.add('isError');
  const [only] = content;
  return {
    type: 'function_call_output',
    call_id: fitCallId(callId),
    output:
      only === undefined
        ? ''
        : content.length === 1 && only.type === 'text'
          ? only.text
          : content.map((part) => encodePart(part, dropped)),
  };
};

const encodePart = (part: TextPart | ImagePart | DocumentPart, dropped: Set<string>): JsonObject => {
  switch (part.type) {
    case 'text':
      return encodeText(part);
    case 'image': {
      const { source, detail } = part;
      const url = source.type === 'url' ? source.url : dataUrl(source);
      return { type: 'input_image', image_url: url, detail: detail ?? 'auto' };
    }
    case 'document':
      return encodeDocument(part, dropped);
    default:
      return part satisfies never;
  }
};

const encodeDocument = ({ source, name, context, cite }: DocumentPart, dropped: Set<string>): JsonObject => {
  if (context !== undefined) dropped.add('document.context');
  if (cite === true) dropped.add('document.citations');
  switch (source.type) {
    case 'base64':
      // OpenAI demands a name beside the data.
      return { type: 'input_file', filename: name ?? 'document.pdf', file_data: dataUrl(source) };
    case 'url':
      // And takes none beside a URL.
      if (name !== undefined) dropped.add('document.name');
      return { type: 'input_file', file_url: source.url };
    case 'text':
      return { type: 'input_text', text: name === undefined ? source.text : `${name}:\n\n${source.text}` };
    default:
      return source satisfies never;
  }
};

const dataUrl = ({ mediaType, data }: { mediaType: string; data: string }): string =>
  `data:${mediaType};base64,${data}`;

/** In the order in which it was said: a message for the texts in a row, an item for each call and thought. */
const encodeAssistant = (parts: readonly AssistantPart[], dropped: Set<string>): JsonObject[] => {
  const items: JsonObject[] = [];
  let content: JsonObject[] | undefined;
  for (const part of parts) {
    if (part.type === 'text' || part.type === 'refusal') {
      if (content === undefined) {
        content = [];
        items.push({ type: 'message', role: 'assistant', content });
      }
      content.push(encodeSpoken(part, dropped));
      continue;
    }
    const item = encodeOther(part, dropped);
    // What is left out does not part the texts around it.
    if (item === undefined) continue;
    content = undefined;
    items.push(item);
  }
  return items;
};

const encodeSpoken = (part: TextPart | RefusalPart, dropped: Set<string>): JsonObject => {
  if (part.type === 'refusal') return { type: 'refusal', refusal: part.text };
  if ((part.citations?.length ?? 0) > 0) dropped.add('citations');
  return { type: 'output_text', text: part.text, annotations: [], ...encodeSigned(part) };
};

const encodeOther = (
  part: Exclude<AssistantPart, { type: 'text' | 'refusal' }>,
  dropped: Set<string>,
): JsonObject | undefined => {
  if (part.type === 'tool-call')
    return {
      type: 'function_call',
      call_id: fitCallId(part.id),
      name: part.name,
      arguments: part.arguments,
      ...encodeSigned(part),
    };
  const encrypted = encryptedOf(part);
  if (encrypted === undefined) {
    // Nothing is kept at the provider, so that it can't know its own reasoning by a summary.
    dropped.add('reasoning parts');
    return undefined;
  }
  return {
    type: 'reasoning',
    ...(part.id !== undefined && { id: part.id }),
    summary: part.type === 'reasoning' && part.text !== '' ? [{ type: 'summary_text', text: part.text }] : [],
    encrypted_content: encrypted,
  };
};
