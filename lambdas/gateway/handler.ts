import deployed from 'tollgate:config';
import { surfaceNameOf } from '../core/lookups/lookup.ts';
import { respondWithError } from '../core/respond/respond-with-refusal.ts';
import { type DeployedGateway, openDeployedGateway, openGround } from '../wiring/open-deployed-gateway.ts';
import { makeApp } from './app.ts';
import { makeLambdaHandler } from './lambda/make-lambda-handler.ts';
import { findStreaming } from './lambda/runtime.ts';

/** The gateway as a Lambda function behind API Gateway. */

const ground = openGround('gateway');

type Open = DeployedGateway & { app: ReturnType<typeof makeApp> };

let opening: Promise<Open> | undefined;

/** One gateway an environment. A store that is away fails the request that met it, and the next one tries again. */
const open = (): Promise<Open> => {
  opening ??= openDeployedGateway(deployed, process.env, ground, { mayLinger: findStreaming() !== undefined })
    .then((gateway) => ({ ...gateway, app: makeApp(gateway.ports) }))
    .catch((error: unknown) => {
      opening = undefined;
      throw error;
    });
  return opening;
};

// While the environment starts, where the processor is fastest. What fails here is told to the first request, which asks again.
await open().catch((error: unknown) => ground.log.warn('the gateway could not be opened at start', { error }));

export const handler = makeLambdaHandler({
  answer: async (request, context) => {
    ground.log.beginInvocation(context);
    return (await open()).app.fetch(request);
  },
  answerFailure: async (error, request) =>
    respondWithError(error, await ground.loadSurface(surfaceNameOf(request)), ground),
  beforeFreeze: async (signal, deadline) => {
    const gateway = await opening?.catch(() => undefined);
    await gateway?.beforeFreeze(signal, deadline);
  },
});
