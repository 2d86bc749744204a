import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import type { AnswerClaim, AnswerStore, ClaimOutcome, KeptAnswer } from '../../core/idempotency/answer-store.ts';
import { ANSWER_LIFE_MS } from '../../core/retention.ts';
import { countOf, type Item, textOf, toItem } from './attributes.ts';
import type { Dynamo } from './dynamo.ts';
import { expiresAt } from './retention.ts';

const compress = promisify(gzip);
const decompress = promisify(gunzip);

const PREFIX = 'idempotency#';
/** Compressed. An item holds 400 KB, and every kilobyte of it is a unit of writing. */
const MAX_BYTES = 256 * 1024;
/** Nothing longer was kept. */
const MAX_LENGTH = 64 * 1024 * 1024;

/** One item a key: claimed, then with the answer, compressed. Every write knows its own repeat by the owner. */
export const makeDynamoAnswerStore = (dynamo: Dynamo): AnswerStore => {
  const table = dynamo.names.responses;
  return {
    claim: async (claim, nowMs) => {
      const written = await dynamo.update({
        TableName: table,
        Key: keyOf(claim),
        UpdateExpression:
          'SET fingerprint = :fingerprint, #owner = :owner, #state = :claimed, leaseUntil = :lease, expires = :expires REMOVE body, headers, requestId',
        ConditionExpression:
          'attribute_not_exists(pk) OR expires <= :second OR (#state = :claimed AND (#owner = :owner OR leaseUntil <= :now))',
        ExpressionAttributeNames: { '#owner': 'owner', '#state': 'state' },
        ExpressionAttributeValues: {
          ...toItem({
            ':fingerprint': claim.fingerprint,
            ':owner': claim.owner,
            ':claimed': 'claimed',
            ':lease': claim.leaseUntil,
            ':now': nowMs,
            ':second': Math.floor(nowMs / 1000),
          }),
          ':expires': expiresAt(Math.max(claim.leaseUntil, nowMs + ANSWER_LIFE_MS)),
        },
      });
      // Gone between the condition and its answer: whoever asks next finds it free.
      if (written.kind === 'failed')
        return written.item === undefined
          ? { kind: 'in-progress', leaseUntil: nowMs }
          : readOutcome(written.item, claim);
      return { kind: 'claimed' };
    },

    keep: async (claim, { requestId, headers, body }, nowMs) => {
      const bytes = await compress(body);
      const head = JSON.stringify(headers);
      const fits = bytes.length + Buffer.byteLength(head) <= MAX_BYTES;
      await dynamo.update({
        TableName: table,
        Key: keyOf(claim),
        UpdateExpression: `SET #state = :answered, requestId = :request, expires = :expires${fits ? ', headers = :headers, body = :body' : ''}`,
        ConditionExpression: '#owner = :owner',
        ExpressionAttributeNames: { '#owner': 'owner', '#state': 'state' },
        ExpressionAttributeValues: {
          ...toItem({
            ':answered': 'answered',
            ':request': requestId,
            ':owner': claim.owner,
            ':headers': fits ? head : undefined,
          }),
          ...(fits && { ':body': { B: bytes } }),
          ':expires': expiresAt(nowMs + ANSWER_LIFE_MS),
        },
      });
      return fits;
    },

    release: async (claim) => {
      await dynamo.update({
        TableName: table,
        Key: keyOf(claim),
        UpdateExpression: 'SET leaseUntil = :never',
        ConditionExpression: '#owner = :owner AND #state = :claimed',
        ExpressionAttributeNames: { '#owner': 'owner', '#state': 'state' },
        ExpressionAttributeValues: toItem({ ':never': 0, ':owner': claim.owner, ':claimed': 'claimed' }),
      });
    },
  };
};

const keyOf = ({ key }: AnswerClaim): Item => toItem({ pk: PREFIX + key });

const readOutcome = async (item: Item, claim: AnswerClaim): Promise<ClaimOutcome> => {
  if (textOf(item, 'fingerprint') !== claim.fingerprint) return { kind: 'mismatch' };
  if (textOf(item, 'state') !== 'answered') return { kind: 'in-progress', leaseUntil: countOf(item, 'leaseUntil') };
  const requestId = textOf(item, 'requestId') ?? '';
  const body = item['body']?.B;
  if (body === undefined) return { kind: 'too-large', requestId };
  const text = (await decompress(body, { maxOutputLength: MAX_LENGTH })).toString('utf8');
  const headers = JSON.parse(textOf(item, 'headers') ?? '{}') as KeptAnswer['headers'];
  return { kind: 'answered', answer: { requestId, headers, body: text } };
};
