import type { StreamRecord } from '../../../lambdas/adapters/dynamodb/ended-entry.ts';

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
  /** Sequence number of the last record read, by shard. An iterator would not do: those of an empty shard go bad. */
  const read = new Map<string, string>();

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

  const openIterator = async (shard: string): Promise<string> => {
    const last = read.get(shard);
    const { ShardIterator } = await call('GetShardIterator', {
      StreamArn: streamArn,
      ShardId: shard,
      ...(last === undefined
        ? { ShardIteratorType: 'TRIM_HORIZON' }
        : { ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', SequenceNumber: last }),
    });
    return ShardIterator as string;
  };

  return {
    async read() {
      const { StreamDescription } = await call('DescribeStream', { StreamArn: streamArn });
      const batches: { shard: string; records: StreamRecord[] }[] = [];
      for (const { ShardId: shard } of (StreamDescription as { Shards: { ShardId: string }[] }).Shards) {
        for (;;) {
          const { Records } = await call('GetRecords', { ShardIterator: await openIterator(shard) });
          const records = Records as StreamRecord[];
          const last = records.at(-1)?.dynamodb?.SequenceNumber;
          if (last === undefined) break;
          read.set(shard, last);
          batches.push({ shard, records });
        }
      }
      return batches;
    },
  };
};
