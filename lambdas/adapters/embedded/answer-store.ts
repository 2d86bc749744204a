import type { AnswerClaim, AnswerStore, ClaimOutcome, KeptAnswer } from '../../core/idempotency/answer-store.ts';
import { ANSWER_LIFE_MS } from '../../core/retention.ts';
import type { Connection, Database } from './database.ts';
import type { Owner } from './owners.ts';

/** Characters. */
const MAX_LENGTH = 2 * 1024 * 1024;

interface AnswerRow {
  fingerprint: string;
  owner: string;
  state: 'claimed' | 'answered';
  lease_until: bigint;
  request_id: string | null;
  headers: string | null;
  body: string | null;
}

/** One row a key: claimed, then with the answer. A claim notes the opening of the file that made it. */
export const makeEmbeddedAnswerStore = (database: Database, opener: Owner): AnswerStore => ({
  claim: (claim, nowMs) =>
    database.write((connection) => {
      connection.run('DELETE FROM answers WHERE expires <= ?', nowMs);
      const row = connection.get<AnswerRow>('SELECT * FROM answers WHERE key = ?', claim.key);
      const isFree =
        row === undefined ||
        (row.state === 'claimed' && (row.owner === claim.owner || row.lease_until <= BigInt(nowMs)));
      if (!isFree) return readOutcome(row, claim);
      connection.run(
        `INSERT OR REPLACE INTO answers (key, fingerprint, owner, state, lease_until, expires, opener) VALUES (?, ?, ?, 'claimed', ?, ?, ?)`,
        claim.key,
        claim.fingerprint,
        claim.owner,
        claim.leaseUntil,
        Math.max(claim.leaseUntil, nowMs + ANSWER_LIFE_MS),
        opener.id,
      );
      return { kind: 'claimed' };
    }),

  keep: (claim, answer, nowMs) =>
    database.write((connection) => {
      const fits = answer.body.length <= MAX_LENGTH;
      connection.run(
        `UPDATE answers SET state = 'answered', request_id = ?, headers = ?, body = ?, expires = ? WHERE key = ? AND owner = ?`,
        answer.requestId,
        fits ? JSON.stringify(answer.headers) : null,
        fits ? answer.body : null,
        nowMs + ANSWER_LIFE_MS,
        claim.key,
        claim.owner,
      );
      return fits;
    }),

  release: (claim) =>
    database.write((connection) => {
      connection.run(`DELETE FROM answers WHERE key = ? AND owner = ? AND state = 'claimed'`, claim.key, claim.owner);
    }),
});

/** Frees the keys of claims whose process has died: its answer comes no more. What a version without openers claimed waits for its lease. */
export const dropClaims = (connection: Connection, living: ReadonlySet<string>): void => {
  connection.run(
    `DELETE FROM answers WHERE state = 'claimed' AND opener NOT IN (SELECT value FROM json_each(?))`,
    JSON.stringify([...living]),
  );
};

const readOutcome = (row: AnswerRow, claim: AnswerClaim): ClaimOutcome => {
  if (row.fingerprint !== claim.fingerprint) return { kind: 'mismatch' };
  if (row.state !== 'answered') return { kind: 'in-progress', leaseUntil: Number(row.lease_until) };
  const requestId = row.request_id ?? '';
  if (row.body === null) return { kind: 'too-large', requestId };
  const headers = JSON.parse(row.headers ?? '{}') as KeptAnswer['headers'];
  return { kind: 'answered', answer: { requestId, headers, body: row.body } };
};
