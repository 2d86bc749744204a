/**
 * Converse carries encrypted reasoning as a blob, base64 in JSON. What Claude puts into the blob is itself a text, the very
 * one that Anthropic's own API shows as `redacted_thinking.data`: that text is the canonical form, so that a conversation
 * may move between the two. A blob that is no text keeps its base64 behind a mark that no base64 text begins with.
 */
const BYTES_MARK = 'bytes:';

export const dataOfBlob = (base64: string): string => {
  const bytes = Buffer.from(base64, 'base64');
  const text = bytes.toString('latin1');
  return /^[\x20-\x7e]+$/.test(text) && !text.startsWith(BYTES_MARK) ? text : BYTES_MARK + bytes.toString('base64');
};

export const blobOfData = (data: string): string =>
  data.startsWith(BYTES_MARK) ? data.slice(BYTES_MARK.length) : Buffer.from(data, 'utf8').toString('base64');
