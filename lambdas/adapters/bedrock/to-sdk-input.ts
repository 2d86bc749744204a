import type { JsonObject, JsonValue } from '../../core/conversation.ts';

/** A Converse body as the SDK takes it: JSON, but for blobs, which are bytes. */
export type SdkValue = JsonValue | Uint8Array | SdkValue[] | { [key: string]: SdkValue };
export type SdkObject = { [key: string]: SdkValue };

const objectOf = (value: JsonValue | undefined): JsonObject | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;

const bytesOf = (value: JsonValue | undefined): Uint8Array | undefined =>
  typeof value === 'string' ? Buffer.from(value, 'base64') : undefined;

/** `{ source: { bytes } }` of an image, a document, a video, a sound. */
const convertMedia = (media: JsonObject): SdkObject => {
  const source = objectOf(media.source);
  const bytes = bytesOf(source?.bytes);
  return bytes === undefined ? media : { ...media, source: { ...source, bytes } };
};

const MEDIA = ['image', 'document', 'video', 'audio'] as const;

const convertBlock = (block: JsonValue): SdkValue => {
  const own = objectOf(block);
  if (own === undefined) return block;
  for (const kind of MEDIA) {
    const media = objectOf(own[kind]);
    if (media !== undefined) return { ...own, [kind]: convertMedia(media) };
  }
  const redactedContent = bytesOf(objectOf(own.reasoningContent)?.redactedContent);
  if (redactedContent !== undefined) return { ...own, reasoningContent: { redactedContent } };
  const guardedImage = objectOf(objectOf(own.guardContent)?.image);
  if (guardedImage !== undefined) return { ...own, guardContent: { image: convertMedia(guardedImage) } };
  const result = objectOf(own.toolResult);
  if (result !== undefined && Array.isArray(result.content))
    return { ...own, toolResult: { ...result, content: result.content.map(convertBlock) } };
  return own;
};

const convertMessage = (message: JsonValue): SdkValue => {
  const own = objectOf(message);
  return own !== undefined && Array.isArray(own.content) ? { ...own, content: own.content.map(convertBlock) } : message;
};

/**
 * A Converse body in its JSON form as the SDK's input: base64 becomes bytes where the API has blobs, and only there, so
 * that a tool's own `bytes` argument stays what it is. The body itself is left alone.
 */
export const toSdkInput = (body: JsonObject): SdkObject => ({
  ...body,
  ...(Array.isArray(body.messages) && { messages: body.messages.map(convertMessage) }),
  ...(Array.isArray(body.system) && { system: body.system.map(convertBlock) }),
});
