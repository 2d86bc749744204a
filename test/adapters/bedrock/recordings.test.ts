import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type BedrockUpstream, makeBedrockUpstream } from '../../../lambdas/adapters/bedrock/make-bedrock-upstream.ts';
import type { WireEvent } from '../../../lambdas/core/dialect.ts';
import { eventsOfFrames, recordedFrames } from '../../dialects/bedrock-converse/converse-frames.ts';
import {
  describeRecordings,
  isStreamed,
  recordedRequest,
  recordedResponse,
  recordingOf,
  recordingsOf,
} from '../../support/recordings.ts';
import { type BedrockServer, CREDENTIALS, callTo, startBedrockServer, writeOddly } from './bedrock-server.ts';

/** Every recorded exchange by the real SDK over real TCP, the bytes oddly split. */
describeRecordings('recorded Converse traffic over HTTP', () => {
  const recordings = recordingsOf('bedrock').map((recording) => [recording.id, recording] as const);
  let server: BedrockServer;
  let upstream: BedrockUpstream;

  beforeAll(async () => {
    server = await startBedrockServer(async (response, { path }) => {
      const recording = recordingOf(decodeURIComponent(path.split('/')[2] ?? ''));
      response.writeHead(recording.response.status, recording.response.headers);
      await writeOddly(response, isStreamed(recording) ? recordedFrames(recording) : recordedResponse(recording));
      response.end();
    });
    upstream = makeBedrockUpstream({ credentials: CREDENTIALS });
  });

  afterAll(async () => {
    await upstream.close();
    await server.close();
  });

  test.each(recordings)('%s: what was sent and what came back are what was recorded', async (id, recording) => {
    const stream = isStreamed(recording);
    const body = recording.request === null ? { messages: [] } : recordedRequest(recording);
    const reply = await upstream.send(callTo(server, { model: id, body, stream }), new AbortController().signal);
    expect(server.seen.at(-1)).toMatchObject({
      method: 'POST',
      path: `/model/${id}/converse${stream ? '-stream' : ''}`,
    });
    expect(server.seen.at(-1)?.body).toEqual(body);
    expect(reply.status).toBe(recording.response.status);
    expect(reply.headers).toMatchObject(recording.response.headers);
    if (!stream) {
      expect(await reply.text()).toBe(recordedResponse(recording).toString('utf8'));
      return;
    }
    const events: WireEvent[] = [];
    for await (const event of reply.events()) events.push(event);
    expect(events).toEqual(eventsOfFrames(recordedFrames(recording)));
  });
});
