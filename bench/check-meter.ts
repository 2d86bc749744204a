/**
 * Proof that the controls were on while Tollgate was measured: its own account of the key, asked after the load, names
 * every request that the upstream answered, and their price.
 */

import { usage } from './answer.ts';
import type { Target } from './targets.ts';
import { benchPrice } from './tollgate-config.ts';

interface UsageReply {
  totals?: { requests?: number; spent_usd?: string | number; held_usd?: string | number };
}

const usdOfOneRequest =
  (usage.prompt_tokens * benchPrice.inputPerMTok + usage.completion_tokens * benchPrice.outputPerMTok) / 1e6;

/** @returns what the meter has wrong, or undefined; `note` is what it said. */
export async function checkMeter(target: Target, requests: number): Promise<{ fault?: string; note: string }> {
  const response = await fetch(`${target.baseUrl}/usage`, { headers: target.headers });
  const text = await response.text();
  if (!response.ok) return { fault: `GET /v1/usage answered ${response.status}: ${text.slice(0, 200)}`, note: '' };
  const { totals = {} } = JSON.parse(text) as UsageReply;
  const spentUsd = Number(totals.spent_usd);
  const heldUsd = Number(totals.held_usd);
  const note = `the ledger holds ${totals.requests} requests at $${spentUsd.toFixed(6)}, $${heldUsd} still held`;
  const expectedUsd = requests * usdOfOneRequest;
  const isRight = totals.requests === requests && Math.abs(spentUsd - expectedUsd) < 1e-6 && heldUsd === 0;
  if (isRight) return { note };
  return { fault: `${note}; sent were ${requests} requests worth $${expectedUsd.toFixed(6)}`, note };
}
