import type { Feedback, FeedbackStore } from '../../core/feedback/feedback-store.ts';
import type { Connection, Database } from './database.ts';

interface FeedbackRow {
  score: number;
  label: string | null;
  at: bigint;
}

/** One row a request, written once. */
export const makeEmbeddedFeedbackStore = (database: Database): FeedbackStore => ({
  give: (feedback, expiresAtMs) =>
    database.write((connection) => {
      const { requestId, score, label, at } = feedback;
      connection.run('DELETE FROM feedback WHERE expires <= ?', at);
      connection.run(
        'INSERT INTO feedback (request_id, score, label, at, expires) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
        requestId,
        score,
        label,
        at,
        expiresAtMs,
      );
      return readRow(connection, requestId) ?? feedback;
    }),

  read: (requestId) => database.read((connection) => readRow(connection, requestId)),
});

const readRow = (connection: Connection, requestId: string): Feedback | undefined => {
  const row = connection.get<FeedbackRow>('SELECT score, label, at FROM feedback WHERE request_id = ?', requestId);
  return row && { requestId, score: row.score, label: row.label, at: Number(row.at) };
};
