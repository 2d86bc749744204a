/** What one call delivered, and so would be billed. Counted from its first token on: a call that was stopped before is free. */
export interface MeterEntry {
  requestId: string;
  /** Calls of that request to that model so far, this one included. */
  attempt: number;
  model: string;
  /** HTTP status of the reply; 0 where there was none. */
  status: number;
  inputTokens: number;
  outputTokens: number;
  /** The whole answer was handed over. */
  completed: boolean;
}

export interface MeterTotals {
  calls: number;
  inputTokens: number;
  outputTokens: number;
}

/** The provider's own count, to compare the ledger with. */
export interface Meter {
  /** The last 10,000 calls, oldest first. */
  entries(): MeterEntry[];
  /** All calls since the start. */
  totals(): MeterTotals;
}

/** How the simulator writes its meter. */
export interface OpenMeter extends Meter {
  start(requestId: string, model: string): RunningEntry;
}

export interface RunningEntry extends Readonly<MeterEntry> {
  answer(status: number): void;
  bill(tokens: { inputTokens: number; outputTokens: number }): void;
  complete(): void;
}

const KEPT = 10_000;

export const makeMeter = (): OpenMeter => {
  const entries: MeterEntry[] = [];
  const attempts = new Map<string, number>();
  const totals: MeterTotals = { calls: 0, inputTokens: 0, outputTokens: 0 };

  const countAttempt = (requestId: string, model: string): number => {
    const id = `${requestId}\n${model}`;
    const attempt = (attempts.get(id) ?? 0) + 1;
    attempts.delete(id);
    attempts.set(id, attempt);
    for (const oldest of attempts.keys()) {
      if (attempts.size <= KEPT) break;
      attempts.delete(oldest);
    }
    return attempt;
  };

  return {
    start: (requestId, model) => {
      const attempt = countAttempt(requestId, model);
      const entry = { requestId, attempt, model, status: 0, inputTokens: 0, outputTokens: 0, completed: false };
      entries.push(entry);
      if (entries.length >= 2 * KEPT) entries.splice(0, entries.length - KEPT);
      totals.calls += 1;
      return Object.assign(entry, {
        answer: (status: number) => {
          entry.status = status;
        },
        bill: ({ inputTokens, outputTokens }: { inputTokens: number; outputTokens: number }) => {
          entry.inputTokens += inputTokens;
          entry.outputTokens += outputTokens;
          totals.inputTokens += inputTokens;
          totals.outputTokens += outputTokens;
        },
        complete: () => {
          entry.completed = true;
        },
      });
    },
    entries: () =>
      entries.slice(-KEPT).map(({ requestId, attempt, model, status, inputTokens, outputTokens, completed }) => ({
        requestId,
        attempt,
        model,
        status,
        inputTokens,
        outputTokens,
        completed,
      })),
    totals: () => ({ ...totals }),
  };
};
