import type { StreamRecord } from '../../../lambdas/adapters/dynamodb/project-batch.ts';

/** What DynamoDB Local asks of a caller: that it signs, not with what. */
const HEADERS = {
  'content-type': 'application/x-amz-json-1.0',
  authorization:
    'AWS4-HMAC-SHA256 Credential=local/20261122/eu-central-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0',
};

/** Reads a table's stream as Lambda's poller does: every shard from its beginning, in order, batch by batch. */
export interface LedgerStream {
  /** Everything since the last read. */
  read(): Promise<{ shard: string; records: StreamRecord[] }[]>;
}

export const openLedgerStream = (endpoint: string, streamArn: string): LedgerStream => {
  const iterators = new Map<string, string | undefined>();

  const call = async (operation: string, body: object): Promise<Record<string, unknown>> => {
    const response = await fetch(endpoint, {
      method: 'POST',
      headers: { ...HEADERS, 'x-amz-target': `DynamoDBStreams_20120810.${operation}` },
      body: JSON.stringify(body),
    });
    const answer = (await response.json()) as Record<string, unknown>;
    if (!response.ok) throw new Error(`${operation}: ${JSON.stringify(answer)}`);
    return answer;
  };

  const findShards = async (): Promise<void> => {
    const { StreamDescription } = await call('DescribeStream', { StreamArn: streamArn });
    for (const { ShardId } of (StreamDescription as { Shards: { ShardId: string }[] }).Shards) {
      if (iterators.has(ShardId)) continue;
      const { ShardIterator } = await call('GetShardIterator', {
        StreamArn: streamArn,
        ShardId,
        ShardIteratorType: 'TRIM_HORIZON',
      });
      iterators.set(ShardId, ShardIterator as string);
    }
  };

  return {
    async read() {
      await findShards();
      const batches: { shard: string; records: StreamRecord[] }[] = [];
      for (const [shard, start] of iterators) {
        let iterator = start;
        while (iterator !== undefined) {
          const answer = await call('GetRecords', { ShardIterator: iterator });
          const records = answer['Records'] as StreamRecord[];
          iterator = answer['NextShardIterator'] as string | undefined;
          iterators.set(shard, iterator);
          if (records.length === 0) break;
          batches.push({ shard, records });
        }
      }
      return batches;
    },
  };
};
