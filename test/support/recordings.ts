/**
 * Reads the recorded provider traffic in ../shared/recordings (its README says what the files are). It is not part of the
 * project: where the folder is absent the tests that need it are skipped, visibly.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from '@jest/globals';
import type { JsonObject } from '../../lambdas/core/conversation.ts';
import type { WireEvent } from '../../lambdas/core/dialect.ts';

const FOLDER = join(import.meta.dirname, '../../../shared/recordings');

export type RecordedProvider =
  | 'anthropic'
  | 'azure'
  | 'bedrock'
  | 'google'
  | 'openai'
  | 'openai-compatible'
  | 'openai-responses';

export interface Recording {
  id: string;
  provider: RecordedProvider;
  /** false = written from the vendor's documentation. */
  recorded: boolean;
  note?: string;
  /** null where only the response was recorded. */
  request: {
    method: string;
    host: string;
    path: string;
    query?: string;
    model?: string;
    file: string;
    sha256: string;
  } | null;
  response: { status: number; headers: Record<string, string>; file: string; sha256: string };
}

export const recordingsPresent: boolean = existsSync(join(FOLDER, 'index.json'));

const readChecked = (file: string, sha256: string): Buffer => {
  const bytes = readFileSync(join(FOLDER, file));
  const actual = createHash('sha256').update(bytes).digest('hex');
  if (actual !== sha256) throw new Error(`${file} is damaged: sha256 ${actual}, the index says ${sha256}`);
  return bytes;
};

const files = new Map<string, Buffer>();
let index: Recording[] | undefined;

/** All recordings; every file was checked against its sha256 once. [] where the folder is absent. */
const recordings = (): Recording[] => {
  if (index !== undefined) return index;
  index = recordingsPresent ? (JSON.parse(readFileSync(join(FOLDER, 'index.json'), 'utf8')) as Recording[]) : [];
  for (const { request, response } of index) {
    if (request !== null) files.set(request.file, readChecked(request.file, request.sha256));
    files.set(response.file, readChecked(response.file, response.sha256));
  }
  return index;
};

const fileOf = (name: string): Buffer => {
  recordings();
  const bytes = files.get(name);
  if (bytes === undefined) throw new Error(`no recorded file ${name}`);
  return bytes;
};

/** The recordings of some providers, in the order of the index. */
export const recordingsOf = (...providers: RecordedProvider[]): Recording[] =>
  recordings().filter(({ provider }) => providers.includes(provider));

/** @throws {Error} where there is none of that id */
export const recordingOf = (id: string): Recording => {
  const recording = recordings().find((one) => one.id === id);
  if (recording === undefined) throw new Error(`no recording ${id}`);
  return recording;
};

/** Conversations: the ids of their exchanges, in order. [] where the folder is absent. */
export const scenarios = (): { id: string; steps: string[] }[] =>
  recordingsPresent ? JSON.parse(readFileSync(join(FOLDER, 'scenarios.json'), 'utf8')) : [];

/** The body the provider was sent, parsed anew at each call. @throws {Error} where only the response was recorded */
export const recordedRequest = ({ id, request }: Recording): JsonObject => {
  if (request === null) throw new Error(`${id} has no recorded request`);
  return JSON.parse(fileOf(request.file).toString('utf8')) as JsonObject;
};

/** The response as bytes: JSON, SSE, AWS event stream, or (`.evs.jsonl`) one event a line that is still to be framed. */
export const recordedResponse = ({ response }: Recording): Buffer => fileOf(response.file);

export const recordedBody = (recording: Recording): JsonObject =>
  JSON.parse(recordedResponse(recording).toString('utf8')) as JsonObject;

export const isStreamed = ({ response }: Recording): boolean => !response.file.endsWith('.json');

/** The events of an SSE text, read in the plainest way there is: an independent check on the reader that the gateway uses. */
export const sseEventsOf = (text: string): WireEvent[] =>
  text
    .replace(/\r\n?/g, '\n')
    .split('\n\n')
    .flatMap((block) => {
      const fields = block.split('\n').flatMap((line) => {
        const match = /^(event|data): ?(.*)$/s.exec(line);
        return match === null ? [] : [{ name: match[1], value: match[2] ?? '' }];
      });
      const data = fields.filter(({ name }) => name === 'data').map(({ value }) => value);
      if (data.length === 0) return [];
      return [{ type: fields.find(({ name }) => name === 'event')?.value ?? '', data: data.join('\n') }];
    });

/** A `describe` for tests on recordings: skipped, with one line that says why, where the folder is absent. */
export const describeRecordings = (name: string, tests: () => void): void => {
  if (recordingsPresent) describe(name, tests);
  else describe.skip(name, () => test('needs ../shared/recordings', () => undefined));
};
