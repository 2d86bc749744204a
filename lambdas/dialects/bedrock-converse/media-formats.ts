/** Media types and Converse's words for them (API reference: ImageBlock, DocumentBlock). */
const IMAGE_FORMATS: Record<string, string> = {
  'image/png': 'png',
  'image/jpeg': 'jpeg',
  'image/jpg': 'jpeg',
  'image/gif': 'gif',
  'image/webp': 'webp',
};

const DOCUMENT_FORMATS: Record<string, string> = {
  'application/pdf': 'pdf',
  'text/csv': 'csv',
  'application/msword': 'doc',
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document': 'docx',
  'application/vnd.ms-excel': 'xls',
  'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet': 'xlsx',
  'text/html': 'html',
  'text/plain': 'txt',
  'text/markdown': 'md',
};

/** `Image/PNG; charset=x` → `image/png`. */
const bare = (mediaType: string): string => (mediaType.split(';', 1)[0] ?? '').trim().toLowerCase();

const lookUp = (formats: Record<string, string>, mediaType: string): string | undefined =>
  Object.hasOwn(formats, bare(mediaType)) ? formats[bare(mediaType)] : undefined;

const mediaTypeIn = (formats: Record<string, string>, format: string): string | undefined =>
  Object.entries(formats).find(([, word]) => word === format)?.[0];

export const imageFormatOf = (mediaType: string): string | undefined => lookUp(IMAGE_FORMATS, mediaType);
export const documentFormatOf = (mediaType: string): string | undefined => lookUp(DOCUMENT_FORMATS, mediaType);
export const imageMediaTypeOf = (format: string): string | undefined => mediaTypeIn(IMAGE_FORMATS, format);
export const documentMediaTypeOf = (format: string): string | undefined => mediaTypeIn(DOCUMENT_FORMATS, format);
