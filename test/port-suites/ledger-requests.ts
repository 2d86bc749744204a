import { epochOf } from '../../lambdas/contract/timing.ts';
import type {
  AccountFigures,
  AccountRef,
  HoldRequest,
  Ledger,
  OpenEntry,
  Settlement,
} from '../../lambdas/core/ledger.ts';
import type { Clock } from '../../lambdas/core/ports.ts';
import type { Receipt } from '../../lambdas/core/receipt.ts';

export const account = (key: string, cap: bigint | null): AccountRef => {
  const [scope, id = '', period = ''] = key.split('#');
  return { key, scope: scope as AccountRef['scope'], id, period, cap, warnAt: 0.8 };
};

export const receipt = (note: string): Receipt => ({
  surface: 'openai-chat',
  stream: false,
  plan: { targets: [note], passedOver: [] },
  estimate: { inputTokensLow: 1, inputTokensHigh: 2, outputTokens: 3 },
  attempts: [],
  dropped: [],
  budget: { state: 'ok', scope: null },
});

export const entryOf = (requestId: string, hold: HoldRequest, fields: Partial<OpenEntry> = {}): OpenEntry => ({
  requestId,
  nonce: `nonce of ${requestId}`,
  epoch: hold.epoch,
  hold: hold.amount,
  accounts: hold.accounts.map(({ key }) => key),
  keyId: 'k1',
  org: 'acme',
  team: 'search',
  user: 'ada',
  tags: { env: 'test' },
  alias: 'assistant',
  receipt: receipt('opened'),
  ...fields,
});

export const settlementOf = (requestId: string, cost: bigint, fields: Partial<Settlement> = {}): Settlement => ({
  requestId,
  nonce: `settlement of ${requestId}`,
  cost,
  inputTokens: 30,
  outputTokens: 7,
  receipt: receipt('settled'),
  ...fields,
});

/** A ledger as a caller at the clock's time uses it. */
export const ledgerAt = (ledger: Ledger, clock: Clock) => {
  const holdOf = (amount: bigint, accounts: AccountRef[], capVersion = 1): HoldRequest => ({
    accounts,
    capVersion,
    epoch: epochOf(clock.now()),
    amount,
  });
  return {
    holdOf,
    hold: (amount: bigint, accounts: AccountRef[], capVersion = 1) => ledger.hold(holdOf(amount, accounts, capVersion)),
    /** Holds and opens; @throws unless both are done. */
    async admit(requestId: string, amount: bigint, accounts: AccountRef[], fields: Partial<OpenEntry> = {}) {
      const request = holdOf(amount, accounts);
      const outcome = await ledger.hold(request);
      if (outcome.kind !== 'held') throw new Error(`${requestId} was not held: ${outcome.kind}`);
      if (!(await ledger.open(entryOf(requestId, request, fields)))) throw new Error(`${requestId} was not opened`);
      return request;
    },
    async standing(key: string): Promise<Pick<AccountFigures, 'committed' | 'spent' | 'held'> | undefined> {
      const [figures] = await ledger.figures([key]);
      return figures === undefined
        ? undefined
        : { committed: figures.committed, spent: figures.spent, held: figures.held };
    },
  };
};

export const standing = (spent: bigint, held: bigint) => ({ committed: spent + held, spent, held });
