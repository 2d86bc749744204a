/** The attribute that DynamoDB deletes by, in seconds. */
export const expiresAt = (timeMs: number): { N: string } => ({ N: String(Math.ceil(timeMs / 1000)) });
