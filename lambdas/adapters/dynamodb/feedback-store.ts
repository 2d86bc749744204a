import { FEEDBACK_PREFIX } from '../../contract/tables.ts';
import type { Feedback, FeedbackStore } from '../../core/feedback/feedback-store.ts';
import { countOf, type Item, textOf, toItem } from './attributes.ts';
import type { Dynamo } from './dynamo.ts';
import { expiresAt } from './retention.ts';

/** One item a request, written once. */
export const makeDynamoFeedbackStore = (dynamo: Dynamo): FeedbackStore => {
  const table = dynamo.names.responses;
  return {
    give: async (feedback, expiresAtMs) => {
      const { requestId, score, label, at } = feedback;
      const written = await dynamo.update({
        TableName: table,
        Key: keyOf(requestId),
        UpdateExpression: 'SET score = :score, label = :label, givenAt = :at, expires = :expires',
        ConditionExpression: 'attribute_not_exists(pk)',
        ExpressionAttributeValues: {
          ...toItem({ ':score': score, ':label': label, ':at': at }),
          ':expires': expiresAt(expiresAtMs),
        },
      });
      // Gone between the condition and its answer: it had expired, and the entry with it.
      return written.kind === 'done' || written.item === undefined ? feedback : toFeedback(requestId, written.item);
    },

    read: async (requestId) => {
      const { item } = await dynamo.get(table, keyOf(requestId));
      return item === undefined ? undefined : toFeedback(requestId, item);
    },
  };
};

const keyOf = (requestId: string): Item => toItem({ pk: FEEDBACK_PREFIX + requestId });

const toFeedback = (requestId: string, item: Item): Feedback => ({
  requestId,
  score: countOf(item, 'score'),
  label: textOf(item, 'label') ?? null,
  at: countOf(item, 'givenAt'),
});
