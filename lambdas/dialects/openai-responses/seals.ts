import type {
  JsonObject,
  ReasoningPart,
  RedactedReasoningPart,
  SignatureMaker,
  Signed,
} from '../../core/conversation.ts';
import { present } from '../../core/read-json.ts';
import { objectOf, objectsOf, textOf } from '../openai-chat/wire.ts';

/**
 * Proofs of other vendors than OpenAI, in the fields that clients hand back as they got them.
 *
 * A reasoning item has one place for what is encrypted. OpenAI's own stands there as it is; another's says who made it and
 * whether it is a signature of the text beside it (`s`) or the reasoning itself (`r`).
 */
const SEAL = /^tollgate\.(anthropic|google|openai)\.([sr])\.(.*)$/s;

const sealOf = (maker: SignatureMaker, kind: 's' | 'r', data: string): string =>
  maker === 'openai' ? data : `tollgate.${maker}.${kind}.${data}`;

/** Whether no vendor can read it: it was sealed here. */
export const isSealedHere = (encrypted: unknown): boolean => typeof encrypted === 'string' && SEAL.test(encrypted);

/** A reasoning item as parts: none where nothing of it can be handed on. Shared by requests and answers. */
export const decodeReasoningItem = (item: JsonObject): (ReasoningPart | RedactedReasoningPart)[] => {
  const text = reasoningTextOf(item);
  const encrypted = textOf(item['encrypted_content']);
  const seal = encrypted === undefined ? null : SEAL.exec(encrypted);
  const id = present('id', textOf(item['id']));
  if (seal !== null) {
    const [, maker, kind, data = ''] = seal;
    const madeBy = maker === 'anthropic' ? undefined : (maker as SignatureMaker);
    return kind === 'r'
      ? [{ type: 'redacted-reasoning', ...id, data, ...present('madeBy', madeBy) }]
      : [{ type: 'reasoning', ...id, text, signature: data, ...present('signedBy', madeBy) }];
  }
  if (encrypted === undefined) return text === '' ? [] : [{ type: 'reasoning', ...id, text }];
  return text === ''
    ? [{ type: 'redacted-reasoning', ...id, data: encrypted, madeBy: 'openai' }]
    : [{ type: 'reasoning', ...id, text, signature: encrypted, signedBy: 'openai' }];
};

/** The summary, in the paragraphs that the vendor made of it; the reasoning itself where a server (gpt-oss) tells that instead. */
const reasoningTextOf = (item: JsonObject): string => {
  const texts = (name: string): string[] => objectsOf(item[name]).flatMap(({ text }) => textOf(text) ?? []);
  const summary = texts('summary');
  return summary.length > 0 ? summary.join(PARAGRAPH) : texts('content').join('');
};

/** Stands between two parts of a summary. */
export const PARAGRAPH = '\n\n';

/** What of a reasoning part goes into `encrypted_content`. */
export const encryptedOf = (part: ReasoningPart | RedactedReasoningPart): string | undefined => {
  if (part.type === 'redacted-reasoning') return sealOf(part.madeBy ?? 'anthropic', 'r', part.data);
  return part.signature === undefined ? undefined : sealOf(part.signedBy ?? 'anthropic', 's', part.signature);
};

/** Signatures of texts and calls, for which OpenAI has no field: beside the item, named by their maker as Gemini's endpoint does. */
export const encodeSigned = ({ signature, signedBy = 'anthropic' }: Signed): JsonObject =>
  signature === undefined ? {} : { extra_content: { [signedBy]: { thought_signature: signature } } };

const MAKERS: readonly SignatureMaker[] = ['anthropic', 'google', 'openai'];

export const decodeSigned = (value: JsonObject): Signed => {
  const extra = objectOf(value['extra_content']);
  for (const maker of MAKERS) {
    const signature = textOf(objectOf(extra?.[maker])?.['thought_signature']);
    if (signature !== undefined) return { signature, ...(maker !== 'anthropic' && { signedBy: maker }) };
  }
  return {};
};
