// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are sources, to be found and changed
import { type BrokenRule, change } from './broken-rule.ts';

/** What closers, projectors, healers, settlers and audits keep. */
export const BROKEN_CLOSING_RULES: readonly BrokenRule[] = [
  {
    name: 'old holds are dropped without the entries being read',
    foundBy: 'a closer right after the end of an epoch',
    changes: [
      change('account-writes.ts', "['committed', exact.cost - has.h - has.s],", "['committed', -has.h],"),
      change('account-writes.ts', "['spent', exact.cost - has.s],", "['spent', 0n],"),
    ],
  },
  {
    name: 'a lost call is free',
    foundBy: 'a death in a dearer call',
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
    foundBy: 'a raise right before the closer loses its entry',
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
    foundBy: 'a batch that comes twice',
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
    foundBy: 'a batch of old and new that comes twice',
    changes: [
      change('project-batch.ts', 'epochNow: epochOf(dynamo.time.now()),', 'epochNow: Math.min(...byEpoch.keys()),'),
    ],
  },
  {
    name: 'late records are applied',
    foundBy: 'a record after the close',
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
    name: 'nobody heals on sight',
    foundBy: 'a leak that somebody meets',
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
    foundBy: 'a correction right before the closer writes its account',
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
    foundBy: 'a closer that dies between two accounts',
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
    foundBy: 'a correction that sleeps until its epoch is closed',
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
    foundBy: 'an older hold right before the closer writes its account',
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
    foundBy: 'two settlements after the close',
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
    foundBy: 'two audits that repair at once',
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
    foundBy: 'two audits that add up at once',
    changes: [
      change('account-sums.ts', "ConditionExpression: 'attribute_not_exists(through) OR through <= :from',", ''),
    ],
  },
  {
    name: 'an audit that slept takes its sums for as old as itself',
    foundBy: 'an audit that sleeps before it compares',
    changes: [change('rebuild-accounts.ts', 'Math.max(through, summedThrough(sum))', 'through')],
  },
  {
    name: 'an audit goes on with another’s step by the epochs that it knows itself',
    foundBy: 'an audit that goes on with another’s step',
    changes: [
      change(
        'account-sums.ts',
        'await readActive(dynamo, through, end)',
        'await readActive(dynamo, through, Math.min(end, closedThrough + 1))',
      ),
    ],
  },
  {
    name: 'the end of a step of the audit is not fixed before it is written',
    foundBy: 'an audit that dies before its step is done',
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
    foundBy: 'a hold that is heard of after the close',
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
    foundBy: 'a settlement after the close',
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
    foundBy: 'a refusal after the close',
    changes: [
      change(
        'entry-digest.ts',
        "if (state === 'settled' || state === 'lost') sums.add(",
        "if (state !== 'open') sums.add(",
      ),
    ],
  },
  {
    name: 'a lost entry is settled as if it were open',
    foundBy: 'a settlement after the close',
    changes: [
      change(
        'entries.ts',
        "ConditionExpression: '#state = :open',\n    ExpressionAttributeNames: STATE,\n    ExpressionAttributeValues: toItem({\n      ':open': 'open',\n      ':settled'",
        "ConditionExpression: '#state = :open OR #state = :lost',\n    ExpressionAttributeNames: STATE,\n    ExpressionAttributeValues: toItem({\n      ':open': 'open',\n      ':lost': 'lost',\n      ':settled'",
      ),
    ],
  },
  {
    name: 'the closer loses what has been settled meanwhile',
    foundBy: 'a settlement right before the closer loses its entry',
    changes: [
      change(
        'entries.ts',
        "ConditionExpression: '#state = :open',\n    ExpressionAttributeNames: { ...STATE, '#hold': 'hold' },\n    ExpressionAttributeValues: {\n      ...toItem({ ':lost'",
        "ConditionExpression: '#state <> :lost',\n    ExpressionAttributeNames: { ...STATE, '#hold': 'hold' },\n    ExpressionAttributeValues: {\n      ...toItem({ ':lost'",
      ),
    ],
  },
  {
    name: 'the close does not compare what it removes',
    foundBy: 'a give-back right before the closer writes its account',
    changes: [
      change(
        'account-writes.ts',
        'conditions.push(`#r${index} = :r${index}`);\n    has[',
        'conditions.push(`attribute_exists(#r${index})`);\n    has[',
      ),
    ],
  },
  {
    name: 'an epoch is closed before it is due',
    foundBy: 'a closer right after the end of an epoch',
    changes: [
      change(
        'close-epochs.ts',
        '(epoch) => closeDueAt(epoch) <= progress.date,',
        '(epoch) => closeDueAt(epoch) - 17 * 60_000 <= progress.date,',
      ),
      change('close-epochs.ts', 'if (!(date >= closeDueAt(epoch))) return closed;', ''),
    ],
  },
  {
    name: 'a close does not look for a first hold of its epoch',
    harmless: 'such a hold lies under the floor then, and whoever meets it drops it',
    changes: [
      change(
        'account-writes.ts',
        "if (seen[heldName(epoch)] === undefined) conditions.push('attribute_not_exists(#held)');\n  else delete",
        'delete',
      ),
    ],
  },
  {
    name: 'a rebuild does not rest on the floor',
    harmless:
      'a close changes an account by exactly what its entries say, so what the rebuild found missing stays missing; kept, since it costs nothing and asks for no proof',
    changes: [
      change(
        'account-writes.ts',
        "for (const name of ['floor', 'rebuilds'] as const) {",
        "for (const name of ['rebuilds'] as const) {",
      ),
      change(
        'account-writes.ts',
        "ExpressionAttributeNames: { '#floor': 'floor', '#rebuilds': 'rebuilds' },",
        "ExpressionAttributeNames: { '#rebuilds': 'rebuilds' },",
      ),
    ],
  },
  {
    name: 'an epoch is not shut to corrections before it is read',
    foundBy: 'a correction that sleeps until its epoch is closed',
    changes: [change('close-epochs.ts', 'await closer.shut(from + due.length);', '')],
  },
  {
    name: 'a slow closer puts back how far all are closed',
    harmless: 'the epochs are closed once more: accounts know their floor, and seals are found',
    changes: [
      change(
        'closer-item.ts',
        "ConditionExpression: 'closedThrough = :from',",
        "ConditionExpression: 'closedThrough >= :from',",
      ),
    ],
  },
  {
    name: 'a closer does not look for the seal of one that died before it',
    harmless: 'it would write the very same seal; kept, since it saves reading and closing all accounts again',
    changes: [change('close-epochs.ts', 'seals.find((one) => one.epoch === epoch) ??', '')],
  },
];
