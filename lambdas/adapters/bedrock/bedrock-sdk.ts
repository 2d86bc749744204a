/**
 * Of Bedrock's SDK only what is used here: its index would bring the whole of it along. Imported as `#bedrock-sdk`, which a
 * deployed bundle keeps as a file of its own (lib/lambda-function.ts), loaded only where Bedrock is configured.
 */
export { BedrockRuntimeClient, ConverseCommand, ConverseStreamCommand } from '@aws-sdk/client-bedrock-runtime';
