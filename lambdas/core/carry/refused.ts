import type { Conversation, DocumentPart, ImagePart, ToolResultPart, Turn } from '../conversation.ts';
import type { Uncarried } from './uncarried.ts';

/** A part of a turn, or of a tool's result. */
export type AnyPart = Turn['parts'][number] | ToolResultPart['content'][number];

function* partsOf({ turns }: Conversation): Generator<AnyPart> {
  for (const { parts } of turns) {
    for (const part of parts) {
      yield part;
      if (part.type === 'tool-result') yield* part.content;
    }
  }
}

export const hasPart =
  (is: (part: AnyPart) => boolean) =>
  (conversation: Conversation): boolean => {
    for (const part of partsOf(conversation)) if (is(part)) return true;
    return false;
  };

export const hasDocument = (is: (part: DocumentPart) => boolean) =>
  hasPart((part) => part.type === 'document' && is(part));
export const hasImage = (is: (part: ImagePart) => boolean) => hasPart((part) => part.type === 'image' && is(part));

/** The part of the table (uncarried.ts) that every request is held against: what must not be lost, and how it is recognised. */
export const REFUSED = {
  choices: { crossing: 'refuse', isIn: ({ choices }: Conversation) => choices > 1 },
  'image-url': { crossing: 'refuse', isIn: hasImage(({ source }) => source.type === 'url') },
  document: { crossing: 'refuse', isIn: hasDocument(({ source }) => source.type !== 'text') },
  'document-url': { crossing: 'refuse', isIn: hasDocument(({ source }) => source.type === 'url') },
} as const;

/** The first thing of the request that the dialect can't say and that must not be lost; undefined where there is none. */
export const findRefused = (cannotCarry: ReadonlySet<Uncarried>, conversation: Conversation): Uncarried | undefined =>
  (Object.keys(REFUSED) as (keyof typeof REFUSED)[]).find(
    (item) => cannotCarry.has(item) && REFUSED[item].isIn(conversation),
  );
