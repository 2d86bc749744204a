import type { JsonObject, ProviderError } from '../../core/conversation.ts';
import type { Provider } from '../../core/provider.ts';
import type { ProviderSettings } from '../../core/target.ts';
import { pathOf } from '../../dialects/openai-chat/endpoint.ts';
import { fitCallIds, fitOpenaiCallId } from '../../dialects/openai-chat/fit-call-ids.ts';
import { mapError } from '../../dialects/openai-chat/map-error.ts';

/** Azure OpenAI, by its v1 API or a dated one. A target's `model` is the name of the deployment. */
export const azureOpenai: Provider = {
  kind: 'azure-openai',
  dialect: 'openai-chat',
  call: ({ target, body, stream, apiKey, requestId }) => ({
    transport: 'http',
    url: deploymentUrl(target.provider, target.model, pathOf(target.dialect)),
    headers: {
      'content-type': 'application/json',
      accept: stream ? 'text/event-stream' : 'application/json',
      // Microsoft's support finds a call by it.
      'x-ms-client-request-id': requestId,
      ...(apiKey !== undefined && { 'api-key': apiKey }),
    },
    body: JSON.stringify(fitCallIds(asOldAs(body, target.provider.apiVersion), fitOpenaiCallId)),
    stream,
  }),
  mapError: (error, headers) => mapError(namedAfterMeaning(error), headers),
};

/** From here on streams tell their usage; before, the wish is refused as unknown, and the cost is estimated. */
const TELLS_USAGE = '2024-09-01';

const asOldAs = (body: JsonObject, apiVersion: string | undefined): JsonObject => {
  if (apiVersion === undefined || apiVersion >= TELLS_USAGE) return body;
  const { stream_options: _, ...rest } = body;
  return rest;
};

/** The resource's root, also where it was given with the path that Azure's own pages show behind it. */
const rootOf = (baseUrl: string): string => baseUrl.replace(/\/+$/, '').replace(/\/openai(\/v1|\/deployments)?$/, '');

/** Without an API version the v1 API, which finds the deployment by the body's `model`; with one the path names it. */
const deploymentUrl = ({ baseUrl, apiVersion }: ProviderSettings, deployment: string, endpoint: string): string =>
  apiVersion === undefined
    ? `${rootOf(baseUrl)}/openai/v1/${endpoint}`
    : // Responses name their deployment in the body, dated or not.
      endpoint === 'responses'
      ? `${rootOf(baseUrl)}/openai/responses?api-version=${encodeURIComponent(apiVersion)}`
      : `${rootOf(baseUrl)}/openai/deployments/${encodeURIComponent(deployment)}/${endpoint}?api-version=${encodeURIComponent(apiVersion)}`;

/** What only the operator can mend comes as a 400 or 404 without a word of its own: a wrong API version, a deployment of another kind of model. */
const NOT_CALLABLE =
  /api[ -]?version|operation (?:does not|doesn't) work with the specified model|deployment[^.]{0,60}(?:does not|doesn't) exist/i;
/** What its prompt filter says, where the code is missing. */
const FILTERED = /content management policy|content_filter|ResponsibleAIPolicyViolation/i;

/** The words that OpenAI's own API has for what Azure says otherwise. */
const namedAfterMeaning = (error: ProviderError): ProviderError => {
  const { status, type, message } = error;
  if (type === 'OperationNotSupported' || ((status === 400 || status === 404) && NOT_CALLABLE.test(message)))
    return { ...error, type: 'model_not_found' };
  if (status === 400 && FILTERED.test(`${type} ${message}`)) return { ...error, type: 'content_filter' };
  // A subscription whose spending has ended, whatever the status.
  if (/^(InsufficientQuota|SubscriptionDisabled)$/i.test(type)) return { ...error, type: 'insufficient_quota' };
  return error;
};
