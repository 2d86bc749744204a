import type { SourceChange } from '../../support/load-changed.ts';
import type { BrokenOrder } from './simulation/client.ts';

/** A rule of docs/ledger.md or of its decisions, broken once in the code that keeps it, and a seed that shows it. */
export interface BrokenRule {
  name: string;
  /** Of the simulation, so long as the broken rule is found; searched for again when the code moves on. */
  seed: number;
  changes?: SourceChange[];
  /** A rule that core keeps, broken in the simulation's clients. */
  order?: BrokenOrder;
}

const file = (name: string): string => `lambdas/adapters/dynamodb/${name}`;
const change = (name: string, from: string, to: string): SourceChange => ({ file: file(name), from, to });

export const BROKEN_RULES: readonly BrokenRule[] = [
  { name: 'the entry is put beside the holds', seed: 0, order: 'the entry beside the holds' },
  { name: 'the call is made before its entry is there', seed: 0, order: 'the call before the entry' },
  {
    name: 'the raise is made beside the holds of the top-up',
    seed: 0,
    changes: [
      change(
        'request-ledger.ts',
        "const outcome = await holdOnAccounts(dynamo, healer, request);\n    if (outcome.kind !== 'held') return outcome;\n    const raised = await raiseEntry(dynamo, requestId, raise);",
        "const raising = raiseEntry(dynamo, requestId, raise);\n    raising.catch(() => {});\n    const outcome = await holdOnAccounts(dynamo, healer, request);\n    if (outcome.kind !== 'held') return outcome;\n    const raised = await raising;",
      ),
    ],
  },
  {
    name: 'a top-up does not raise the entry',
    seed: 0,
    changes: [
      change(
        'request-ledger.ts',
        'const raised = await raiseEntry(dynamo, requestId, raise);',
        "const raised = { kind: 'raised' };",
      ),
    ],
  },
  {
    name: 'holds are sent again by the SDK',
    seed: 0,
    changes: [change('hold-accounts.ts', '? await dynamo.updateOnce(holdWrite(', '? await dynamo.update(holdWrite(')],
  },
  {
    name: 'give-backs are sent again by the SDK',
    seed: 0,
    changes: [
      change('hold-accounts.ts', 'await dynamo.updateOnce(giveBackWrite(', 'await dynamo.update(giveBackWrite('),
    ],
  },
  {
    name: 'a hold is given back twice',
    seed: 0,
    changes: [
      change(
        'hold-accounts.ts',
        'const written = await dynamo.updateOnce(giveBackWrite(table, key, request));',
        'await dynamo.updateOnce(giveBackWrite(table, key, request));\n        const written = await dynamo.updateOnce(giveBackWrite(table, key, request));',
      ),
    ],
  },
  {
    name: 'a hold that was not answered is given back',
    seed: 0,
    changes: [
      change(
        'hold-accounts.ts',
        "=> outcomes[i]?.kind === 'held';",
        "=> ['held', 'unanswered'].includes(outcomes[i]?.kind ?? '');",
      ),
    ],
  },
  {
    name: 'a hold is given back past the floor',
    seed: 0,
    changes: [
      change(
        'account-writes.ts',
        '`attribute_exists(#held) AND #held >= :amount AND ${FLOOR_ALLOWS}`',
        "'attribute_exists(pk)'",
      ),
      change(
        'account-writes.ts',
        "ExpressionAttributeNames: { '#held': heldName(epoch), '#floor': 'floor' },\n  ExpressionAttributeValues: {\n    ':back': toAttribute(-amount),\n    ':amount': toAttribute(amount),\n    ':epoch': toAttribute(epoch),",
        "ExpressionAttributeNames: { '#held': heldName(epoch) },\n  ExpressionAttributeValues: {\n    ':back': toAttribute(-amount),",
      ),
    ],
  },
  {
    name: 'a hold is taken past the floor',
    seed: 0,
    changes: [
      change(
        'account-writes.ts',
        "' AND committed <= :room' : ''})) AND ${FLOOR_ALLOWS}`",
        "' AND committed <= :room' : ''}))`",
      ),
    ],
  },
  {
    name: 'a hold that was not answered counts as held',
    seed: 0,
    changes: [
      change(
        'hold-accounts.ts',
        "if (isLeaked) return { kind: 'unanswered', error: written.error };",
        "return { kind: 'held', item: toItem({ pk: account.key, committed: 0n, spent: 0n, capVersion: 0 }) };",
      ),
    ],
  },
  {
    name: 'old holds are dropped without the entries being read',
    seed: 0,
    changes: [
      change('account-writes.ts', "['committed', exact.cost - has.h - has.s],", "['committed', -has.h],"),
      change('account-writes.ts', "['spent', exact.cost - has.s],", "['spent', 0n],"),
    ],
  },
  {
    name: 'a lost call is free',
    seed: 0,
    changes: [
      change(
        'entries.ts',
        "'SET #state = :lost, cost = #hold, settleNonce",
        "'SET #state = :lost, cost = :none, settleNonce",
      ),
      change(
        'entries.ts',
        "...toItem({ ':lost': 'lost', ':open': 'open' }),\n      ':now'",
        "...toItem({ ':lost': 'lost', ':open': 'open', ':none': 0 }),\n      ':now'",
      ),
    ],
  },
  {
    name: 'a lost call is charged the hold as it was read',
    seed: 0,
    changes: [
      change(
        'entries.ts',
        "'SET #state = :lost, cost = #hold, settleNonce",
        "'SET #state = :lost, cost = :read, settleNonce",
      ),
      change(
        'entries.ts',
        "...toItem({ ':lost': 'lost', ':open': 'open' }),\n      ':now'",
        "...toItem({ ':lost': 'lost', ':open': 'open', ':read': amountOf(open, 'hold') }),\n      ':now'",
      ),
    ],
  },
  {
    name: 'the projector keeps no mark',
    seed: 0,
    changes: [
      change(
        'account-writes.ts',
        'attribute_exists(pk) AND (attribute_not_exists(#mark) OR #mark < :first) AND ${FLOOR_ALLOWS}',
        'attribute_exists(pk) AND ${FLOOR_ALLOWS}',
      ),
      change('project-batch.ts', 'padSequence(sequence) > mark && epoch >= floor', 'epoch >= floor'),
    ],
  },
  {
    name: 'marks are dated by their record',
    seed: 0,
    changes: [
      change('project-batch.ts', 'epochNow: epochOf(dynamo.time.now()),', 'epochNow: Math.min(...byEpoch.keys()),'),
    ],
  },
  {
    name: 'late records are applied',
    seed: 0,
    changes: [
      change(
        'account-writes.ts',
        '(attribute_not_exists(#mark) OR #mark < :first) AND ${FLOOR_ALLOWS}`',
        '(attribute_not_exists(#mark) OR #mark < :first)`',
      ),
      change('project-batch.ts', 'padSequence(sequence) > mark && epoch >= floor', 'padSequence(sequence) > mark'),
    ],
  },
  {
    name: 'nobody looks at the Date, late',
    seed: 0,
    changes: [change('table-time.ts', ' && timeMs <= epochEnd(epoch) + GRACE_MS', '')],
  },
  {
    name: 'nobody looks at the Date, early',
    seed: 0,
    changes: [change('table-time.ts', 'timeMs >= epochStart(epoch) - GRACE_MS && ', '')],
  },
  {
    name: 'a stale cap is put on an account',
    seed: 0,
    changes: [
      change(
        'account-writes.ts',
        "(capVersion <= :version${isCapped ? ' AND committed <= :room' : ''})",
        "(${isCapped ? 'committed <= :room' : 'attribute_exists(pk)'})",
      ),
    ],
  },
  {
    name: 'nobody heals on sight',
    seed: 0,
    changes: [
      change(
        'close-account.ts',
        'isSuspect: (item) => {',
        'isSuspect: (item) => {\n      if (item !== undefined) return false;',
      ),
    ],
  },
  {
    name: 'the close does not compare what the projector counts up',
    seed: 0,
    changes: [
      change(
        'account-writes.ts',
        "if (seen['applied'] === undefined) conditions.push('attribute_not_exists(applied)');\n  else {",
        "if (names['never'] !== undefined) {",
      ),
    ],
  },
  {
    name: 'healing goes by any floor instead of the closer’s word',
    seed: 0,
    changes: [
      change('close-account.ts', 'const through = closer.closedThrough();', 'const through = time.fence();'),
      change(
        'close-account.ts',
        'epoch <= closer.closedThrough() || closeDueAt(epoch) <= now',
        'epoch <= time.fence() || closeDueAt(epoch) <= now',
      ),
    ],
  },
  {
    name: 'a correction is put into an epoch that is being closed',
    seed: 0,
    changes: [
      change(
        'entries.ts',
        '{ ConditionCheck: notShutCheck(dynamo.names.accounts, epochOf(nowMs)) },',
        '...[notShutCheck(dynamo.names.accounts, epochOf(nowMs))].flatMap(() => []),',
      ),
    ],
  },
  {
    name: 'what came in under the floor stays',
    seed: 0,
    changes: [
      change(
        'close-account.ts',
        'if (isUnderFloor(item)) item = await',
        "if (isUnderFloor(item) && account === '') item = await",
      ),
    ],
  },
  {
    name: 'a correction does not mark the lost entry',
    seed: 0,
    changes: [
      change(
        'entries.ts',
        "ConditionExpression: '#state = :lost AND attribute_not_exists(correctNonce)',",
        "ConditionExpression: '#state = :lost',",
      ),
    ],
  },
  {
    name: 'a rebuild does not rest on the count of rebuilds',
    seed: 0,
    changes: [
      change(
        'account-writes.ts',
        "for (const name of ['floor', 'rebuilds'] as const) {",
        "for (const name of ['floor'] as const) {",
      ),
    ],
  },
  {
    name: 'the audit’s sums do not know how far they have come',
    seed: 0,
    changes: [
      change('account-sums.ts', "ConditionExpression: 'attribute_not_exists(through) OR through <= :from',", ''),
    ],
  },
  {
    name: 'an audit that slept takes its sums for as old as itself',
    seed: 0,
    changes: [change('rebuild-accounts.ts', 'Math.max(through, summedThrough(sum))', 'through')],
  },
  {
    name: 'the end of a step of the audit is not fixed before it is written',
    seed: 0,
    changes: [
      change(
        'account-sums.ts',
        "const fixed = item?.['target'] === undefined ? undefined : countOf(item, 'target');",
        'const fixed = undefined;',
      ),
      change(
        'account-sums.ts',
        ": 'through = :through AND (attribute_not_exists(target) OR target = :target)',",
        ": 'through = :through',",
      ),
    ],
  },
  {
    name: 'a dispute is noted of what was seen, not of what is',
    seed: 0,
    changes: [
      change(
        'close-account.ts',
        'const written = await dynamo.update(closeWrite(table, account, { seen, epoch, exact, disputed }));',
        'if (disputed.length > 0) await moveDisputes(dynamo, account, { ...seen, disputed: { NS: disputed.map(String) } });\n    const written = await dynamo.update(closeWrite(table, account, { seen, epoch, exact, disputed: [] }));',
      ),
    ],
  },
  {
    name: 'the seal has what a correction writes to a lost entry',
    seed: 0,
    changes: [
      change(
        'entry-digest.ts',
        '!WRITTEN_LATER.has(name) && !(isLost && WRITTEN_BY_CORRECTION.has(name))',
        "name !== 'expires'",
      ),
    ],
  },
  {
    name: 'a seal has the refused entries too',
    seed: 0,
    changes: [
      change(
        'entry-digest.ts',
        "if (state === 'settled' || state === 'lost') sums.add(",
        "if (state !== 'open') sums.add(",
      ),
    ],
  },
];
