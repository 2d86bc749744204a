import type { AssistantPart, Conversation, SignatureMaker, Turn } from '../conversation.ts';

export interface Kept {
  /** The same object where nothing was taken out. */
  conversation: Conversation;
  /** Whose signatures were taken out: `anthropic signatures`. */
  dropped: string[];
}

/**
 * A conversation for a target that checks `maker`'s signatures alone. A wrong signature is a 400 with every vendor, so all
 * others go, by one rule a part:
 * - what is encrypted for somebody else: the part goes
 * - reasoning: its text stays, unsigned, for the dialect to say or to drop
 * - text and tool calls: they stay, unsigned.
 */
export const keepSignatures = (conversation: Conversation, maker: SignatureMaker | undefined): Kept => {
  const foreign = new Set<SignatureMaker>();
  for (const turn of conversation.turns) {
    if (turn.role !== 'assistant') continue;
    for (const part of turn.parts) {
      const signer = signerOf(part);
      if (signer !== undefined && signer !== maker) foreign.add(signer);
    }
  }
  if (foreign.size === 0) return { conversation, dropped: [] };
  const turns = conversation.turns.map(
    (turn): Turn =>
      turn.role === 'assistant'
        ? { role: 'assistant', parts: turn.parts.flatMap((part) => withCheckable(part, maker)) }
        : turn,
  );
  return { conversation: { ...conversation, turns }, dropped: [...foreign].map((signer) => `${signer} signatures`) };
};

/** Who signed or encrypted a part; undefined for one without. */
const signerOf = (part: AssistantPart): SignatureMaker | undefined => {
  switch (part.type) {
    case 'redacted-reasoning':
      return part.madeBy ?? 'anthropic';
    case 'text':
    case 'reasoning':
    case 'tool-call':
      return part.signature === undefined ? undefined : (part.signedBy ?? 'anthropic');
    case 'refusal':
      return undefined;
    default:
      return part satisfies never;
  }
};

const withCheckable = (part: AssistantPart, maker: SignatureMaker | undefined): AssistantPart[] => {
  const signer = signerOf(part);
  if (signer === undefined || signer === maker) return [part];
  if (part.type === 'redacted-reasoning') return [];
  if (part.type === 'reasoning') return part.text === '' ? [] : [{ type: 'reasoning', text: part.text }];
  if (part.type === 'refusal') return [part];
  const { signature: _, signedBy: __, ...unsigned } = part;
  return [unsigned];
};
