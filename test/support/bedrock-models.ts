import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Bedrock's list of models (`GET /foundation-models`) as the API documents it, on a local port. No account is behind it. */
export interface ModelsServer {
  endpoint: string;
  /** The regions that requests were signed for, in their order. */
  asked: { region: string; path: string }[];
  /** By region, what it answers; other regions refuse. */
  answers: Record<string, (response: ServerResponse) => void>;
  stop(): void;
}

export const startModelsServer = async (): Promise<ModelsServer> => {
  const server = createServer((request, response) => {
    // Credential=AKID/20261123/eu-central-1/bedrock/aws4_request
    const [, region = ''] =
      /Credential=[^/]+\/\d{8}\/([^/]+)\/bedrock\//.exec(request.headers.authorization ?? '') ?? [];
    models.asked.push({ region, path: `${request.method} ${request.url}` });
    (models.answers[region] ?? denied)(response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const models: ModelsServer = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: [],
    answers: {},
    stop() {
      server.closeAllConnections();
      server.close();
    },
  };
  return models;
};

/** A model of the list: its id and its `modelLifecycle`, among the fields that every entry has. */
export const listed = (modelId: string, modelLifecycle?: object): object => ({
  modelArn: `arn:aws:bedrock:eu-central-1::foundation-model/${modelId}`,
  modelId,
  modelName: modelId,
  providerName: 'A vendor',
  inputModalities: ['TEXT'],
  outputModalities: ['TEXT'],
  responseStreamingSupported: true,
  customizationsSupported: [],
  inferenceTypesSupported: ['INFERENCE_PROFILE'],
  ...(modelLifecycle && { modelLifecycle }),
});

export const answering =
  (...modelSummaries: object[]) =>
  (response: ServerResponse): void =>
    void response.setHeader('content-type', 'application/json').end(JSON.stringify({ modelSummaries }));

export const refusing =
  (status: number, code: string, message: string) =>
  (response: ServerResponse): void =>
    void response
      .writeHead(status, { 'content-type': 'application/json', 'x-amzn-errortype': code })
      .end(JSON.stringify({ message }));

const denied = refusing(
  403,
  'AccessDeniedException',
  'User: arn:aws:iam::1:user/ann is not authorized to perform: bedrock:ListFoundationModels because no identity-based policy allows the bedrock:ListFoundationModels action',
);

/** As the API gives a model that has its end announced: instants, of which the day counts. */
export const LEGACY = {
  status: 'LEGACY',
  startOfLifeTime: '2025-05-22T00:00:00Z',
  legacyTime: '2026-08-14T08:00:00Z',
  publicExtendedAccessTime: '2026-11-14T08:00:00Z',
  endOfLifeTime: '2027-02-14T08:00:00Z',
};

export const ACTIVE = { status: 'ACTIVE', startOfLifeTime: '2026-02-17T18:00:00Z' };
