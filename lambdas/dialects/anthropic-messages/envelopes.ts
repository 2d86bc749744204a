import type { AssistantPart, SignatureMaker, Signed } from '../../core/conversation.ts';
import { asText, parseObject } from './read-loosely.ts';

/**
 * Other makers' signatures in a dialect whose every signature is Anthropic's: wrapped, so that they are known again when the
 * client sends the block back, and are never taken for Anthropic's own. Clients treat signatures as opaque and keep them.
 *
 * A text or a tool call has no place for a signature here: a `redacted_thinking` block right after it holds that. A client that
 * leaves such blocks out loses the proof and nothing else.
 */
interface Sealed {
  by: SignatureMaker;
  value: string;
  /** The vendor's id of the part. */
  id?: string;
  /** Of `redacted_thinking`: it holds the signature of the part before it, or of a text without a word. */
  of?: 'before' | 'empty';
}

/** No signature and no data of Anthropic's has a dot in it: they are base64. */
const MARK = 'tollgate.1.';

const MAKERS: readonly SignatureMaker[] = ['anthropic', 'google', 'openai'];

const seal = (sealed: Sealed): string => MARK + Buffer.from(JSON.stringify(sealed)).toString('base64url');

/** @returns undefined for what is not sealed, and for a seal that somebody has broken */
const open = (text: string): Sealed | undefined => {
  if (!text.startsWith(MARK)) return undefined;
  const { by, value, id, of } = parseObject(Buffer.from(text.slice(MARK.length), 'base64url').toString('utf8')) ?? {};
  const maker = MAKERS.find((one) => one === by);
  const signature = asText(value);
  if (maker === undefined || signature === undefined) return undefined;
  const name = asText(id);
  return {
    by: maker,
    value: signature,
    ...(name !== undefined && { id: name }),
    ...((of === 'before' || of === 'empty') && { of }),
  };
};

export const isSealed = (text: string): boolean => text.startsWith(MARK);

/** The `signature` of a thinking block. */
export const sealSignature = ({ signature = '', signedBy = 'anthropic', id }: Signed & { id?: string }): string =>
  signedBy === 'anthropic' && id === undefined
    ? signature
    : seal({ by: signedBy, value: signature, ...(id !== undefined && { id }) });

/** The `data` of a redacted_thinking block. */
export const sealData = ({
  data,
  madeBy = 'anthropic',
  id,
}: {
  data: string;
  madeBy?: SignatureMaker;
  id?: string;
}): string =>
  madeBy === 'anthropic' && id === undefined
    ? data
    : seal({ by: madeBy, value: data, ...(id !== undefined && { id }) });

/** The `data` of the block that holds the signature of the text or tool call before it. @param isEmpty whether that text has no word, and so no block */
export const sealBefore = ({ signature = '', signedBy = 'anthropic' }: Signed, isEmpty: boolean): string =>
  seal({ by: signedBy, value: signature, of: isEmpty ? 'empty' : 'before' });

/** An assistant's parts as a client sent them back, with every signature where it belongs. A broken seal is nobody's signature. */
export const unsealParts = (parts: readonly AssistantPart[]): AssistantPart[] => {
  const unsealed: AssistantPart[] = [];
  for (const part of parts) {
    if (part.type === 'reasoning' && part.signature !== undefined && isSealed(part.signature))
      unsealed.push(...unsealThought(part.text, open(part.signature)));
    else if (part.type === 'redacted-reasoning' && isSealed(part.data)) putBack(open(part.data), unsealed);
    else unsealed.push(part);
  }
  return unsealed;
};

const unsealThought = (text: string, sealed: Sealed | undefined): AssistantPart[] => {
  const signed =
    sealed === undefined
      ? {}
      : {
          ...(sealed.id !== undefined && { id: sealed.id }),
          ...(sealed.value !== '' && { signature: sealed.value, ...makerOf('signedBy', sealed) }),
        };
  return text === '' && !('signature' in signed) ? [] : [{ type: 'reasoning', text, ...signed }];
};

const putBack = (sealed: Sealed | undefined, parts: AssistantPart[]): void => {
  if (sealed === undefined) return;
  const { value, id, of } = sealed;
  const signed = { signature: value, ...makerOf('signedBy', sealed) };
  const last = parts.at(-1);
  if (of === 'empty') parts.push({ type: 'text', text: '', ...signed });
  else if (of === undefined)
    parts.push({
      type: 'redacted-reasoning',
      ...(id !== undefined && { id }),
      data: value,
      ...makerOf('madeBy', sealed),
    });
  else if (last?.type === 'text' || last?.type === 'tool-call') parts[parts.length - 1] = { ...last, ...signed };
};

/** Anthropic's own are not named. */
const makerOf = <Field extends string>(field: Field, { by }: Sealed): { [K in Field]?: SignatureMaker } =>
  (by === 'anthropic' ? {} : { [field]: by }) as { [K in Field]?: SignatureMaker };
