/**
 * Stands for `@aws-sdk/endpoint-cache` in the bundles of functions (lib/bundle-function.ts). DynamoDB's client makes one for
 * the discovery of endpoints, of which it has no code left, and never asks it anything; the real one brings a library along.
 */
export class EndpointCache {}
