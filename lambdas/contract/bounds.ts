/** Limits on what a client may send. A body within them can't hurt; a body beyond is told which one it passed. */

/**
 * Bytes. Lambda takes an event of 6 MB (6,291,456 bytes), in which API Gateway wraps the body as a JSON string: quotes,
 * backslashes, control characters and newlines count double or more. The rest of the event keeps 64 KiB.
 */
export const MAX_EVENT_BYTES = 6 * 1024 * 1024;
export const EVENT_OVERHEAD_BYTES = 64 * 1024;
export const MAX_TURNS = 10_000;
export const MAX_PARTS = 10_000;
export const MAX_TOOLS = 1_024;
export const MAX_STOP_SEQUENCES = 64;
export const MAX_NAME_LENGTH = 256;
export const MAX_OUTPUT_TOKENS = 10_000_000;
export const MAX_CHOICES = 128;
/** Uses of one tool that the provider runs. */
export const MAX_TOOL_USES = 100;
/** Bytes of one provider reply that is read whole, and of one event inside a stream. */
export const MAX_REPLY_BYTES = 32 * 1024 * 1024;
export const MAX_EVENT_DATA_BYTES = 8 * 1024 * 1024;
